"""The errors of this package. Their messages contain no token, secret or key."""

from satchel_jose.errors import Rejected


class ClientError(Exception):
    """The base class of all errors of this package."""


class Unreachable(ClientError):
    """There was no complete HTTP response: no connection, a timeout, or a response that is too long."""


class MetadataError(ClientError):
    """The server's metadata cannot be fetched or is invalid."""


class TokenUnavailable(ClientError):
    """No token can be obtained now (RFC 6749 section 5.2)."""

    def __init__(self, message: str, *, error: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.error = error
        """The error code of the server, such as `invalid_client`; None if the server sent none."""
        self.retry_after = retry_after
        """Seconds after which the server may be asked again; None if the server did not say."""

    def again(self) -> "TokenUnavailable":
        """Return a copy, so that each caller raises an exception of its own."""
        return TokenUnavailable(str(self), error=self.error, retry_after=self.retry_after)


class InvalidToken(ClientError):
    """The token is refused (RFC 6750 section 3.1)."""

    def __init__(self, error: str, description: str, reason: str = "") -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.reason = reason
        """The check that failed. It belongs in the log only: in a response it would help a forger of tokens."""


class InsufficientScope(ClientError):
    """The token is valid, but its scope is not sufficient (RFC 6750 section 3.1). `scope` is the required scope."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"insufficient_scope: {scope}")
        self.scope = scope


class InsufficientAuthentication(ClientError):
    """The token is valid, but its user must log in again (RFC 9470 section 3).

    `acr` are the accepted authentication contexts, `max_age` is the longest age of the login in seconds.
    """

    def __init__(self, acr: tuple[str, ...], max_age: float | None) -> None:
        super().__init__("insufficient_user_authentication")
        self.acr = acr
        self.max_age = max_age


class Undecided(ClientError):
    """The token cannot be verified now, because the server is unreachable. Respond with 503: with 401, clients would
    discard valid tokens.
    """


class UnknownKey(Rejected):
    """The signing key is not in the key set. A newer JWK Set may contain it."""
