"""What the methods of `hooks.object` are called with and answer (docs/hooks.md); each may be sync or async.

An object has those that it wants; a class can name their Protocols as its bases, so that a type checker looks at it.
"""

from collections.abc import Awaitable
from typing import Any, Protocol

from service.grants import Plan
from service.grants.plan import Awaiting
from service.hooks.decide import TokenRequest
from service.hooks.events import TokenIssued, TokenRefused
from service.protocol.errors import OAuthError
from service.protocol.ports import User


class AuthenticatesUsers(Protocol):
    """Knows people by name and password."""

    def authenticate_user(self, username: str, password: str, /) -> User | Awaitable[User | None] | None:
        """Return the user, or None; unknown names and wrong passwords should take the same time."""
        ...


class CustomizesAccessTokens(Protocol):
    """Adds claims to access tokens."""

    def customize_access_token(self, plan: Plan, /) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        """Return the claims that the access token of `plan` is to have too."""
        ...


class CustomizesIdTokens(Protocol):
    """Adds claims to ID tokens."""

    def customize_id_token(self, plan: Plan, /) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        """Return the claims that the ID token of `plan` is to have too."""
        ...


Decided = Plan | Awaiting | OAuthError | None
"""A token response, a refusal, or None for invalid_request."""


class Decides(Protocol):
    """Judges the token requests whose grant type is one of `hooks.decides`."""

    def decide(self, request: TokenRequest, /) -> Decided | Awaitable[Decided]:
        """Return what is to be issued, or why not."""
        ...


class HearsOfIssues(Protocol):
    """Is told what has been issued."""

    def on_issued(self, event: TokenIssued, /) -> Awaitable[None] | None:
        """Take note; the client has its answer already, or nearly."""
        ...


class HearsOfRefusals(Protocol):
    """Is told what has been refused."""

    def on_refused(self, event: TokenRefused, /) -> Awaitable[None] | None:
        """Take note."""
        ...
