"""What goes wrong. No message holds a token, a secret or a key."""

from satchel_jose.errors import Rejected


class ClientError(Exception):
    """The parent of all."""


class Unreachable(ClientError):
    """There was no complete HTTP answer: no connection, no time left, or too long an answer."""


class MetadataError(ClientError):
    """The server's metadata cannot be had, or is not to be trusted."""


class TokenUnavailable(ClientError):
    """There is no usable token now (RFC 6749 section 5.2)."""

    def __init__(self, message: str, *, error: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.error = error
        """The server's error code, such as `invalid_client`; None where it did not come to that."""
        self.retry_after = retry_after
        """Seconds that the server wants to be left alone."""

    def again(self) -> "TokenUnavailable":
        """Return a copy, for a caller of its own."""
        return TokenUnavailable(str(self), error=self.error, retry_after=self.retry_after)


class InvalidToken(ClientError):
    """A token that is refused (RFC 6750 section 3.1)."""

    def __init__(self, error: str, description: str, reason: str = "") -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.reason = reason
        """Which check has failed: for the log, because an answer that says it helps whoever forges tokens."""


class InsufficientScope(ClientError):
    """A good token that does not reach (RFC 6750 section 3.1); `scope` is what would."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"insufficient_scope: {scope}")
        self.scope = scope


class UnknownKey(Rejected):
    """No key that we hold could have signed; a newer JWK Set might have it."""
