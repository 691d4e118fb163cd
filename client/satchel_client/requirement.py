"""What a resource requires of a valid token: scopes (RFC 6750), and how its user logged in (RFC 9470)."""

import re

import msgspec

from satchel_client.access_token import AccessToken
from satchel_client.errors import InsufficientAuthentication, InsufficientScope

_SCOPE = re.compile(r"[!#-\[\]-~]+( [!#-\[\]-~]+)*|")
_ACR = re.compile(r"[!#-\[\]-~]+")


class Requirement(msgspec.Struct, frozen=True):
    """All scopes of `scope` (separated by spaces), one of `acr`, and a login at most `max_age` seconds ago.

    Raises:
        ValueError: a scope or acr has a character that a WWW-Authenticate header cannot contain.
    """

    scope: str = ""
    acr: tuple[str, ...] = ()
    max_age: float | None = None

    def __post_init__(self) -> None:
        if not _SCOPE.fullmatch(self.scope) or not all(map(_ACR.fullmatch, self.acr)):
            raise ValueError("scopes and acr values must be visible ASCII without quotes and backslashes")

    def check(self, token: AccessToken, now: float) -> None:
        """Check that `token` meets this requirement at `now` (seconds since the epoch).

        Raises:
            InsufficientScope: a scope is missing.
            InsufficientAuthentication: the login has another `acr` or is too old.
        """
        if self.scope and not token.scopes.issuperset(self.scope.split()):
            raise InsufficientScope(self.scope)
        if self.acr and token.acr not in self.acr:
            raise InsufficientAuthentication(self.acr, self.max_age)
        if self.max_age is not None and (token.auth_time is None or now - token.auth_time > self.max_age):
            raise InsufficientAuthentication(self.acr, self.max_age)


NOTHING = Requirement()
"""The requirement that every valid token meets."""
