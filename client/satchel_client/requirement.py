"""What a resource asks of a token beside being good: scopes (RFC 6750), and how its user logged in (RFC 9470)."""

import re

import msgspec

from satchel_client.access_token import AccessToken
from satchel_client.errors import ClientError, InsufficientScope

_SCOPE = re.compile(r"[!#-\[\]-~]+( [!#-\[\]-~]+)*|")
_ACR = re.compile(r"[!#-\[\]-~]+")


class InsufficientAuthentication(ClientError):
    """A good token of a login that does not reach (RFC 9470 section 3)."""

    def __init__(self, acr: tuple[str, ...], max_age: float | None) -> None:
        super().__init__("insufficient_user_authentication")
        self.acr = acr
        self.max_age = max_age


class Requirement(msgspec.Struct, frozen=True):
    """All of `scope` (separated by spaces), one of `acr`, and a login no older than `max_age` seconds.

    Raises:
        ValueError: a scope or acr with a character that a challenge cannot carry.
    """

    scope: str = ""
    acr: tuple[str, ...] = ()
    max_age: float | None = None

    def __post_init__(self) -> None:
        if not _SCOPE.fullmatch(self.scope) or not all(map(_ACR.fullmatch, self.acr)):
            raise ValueError("scopes and acr values are visible ASCII without quotes and backslashes")

    def check(self, token: AccessToken, now: float) -> None:
        """Check `token` at `now` (seconds since the epoch).

        Raises:
            InsufficientScope
            InsufficientAuthentication
        """
        if self.scope and not token.scopes.issuperset(self.scope.split()):
            raise InsufficientScope(self.scope)
        if self.acr and token.acr not in self.acr:
            raise InsufficientAuthentication(self.acr, self.max_age)
        if self.max_age is not None and (token.auth_time is None or now - token.auth_time > self.max_age):
            raise InsufficientAuthentication(self.acr, self.max_age)


NOTHING = Requirement()
"""Any good token will do."""
