"""The methods of `hooks.object`, with their arguments and results (docs/hooks.md). Each may be sync or async.

An object may have any of these methods. If its class names the Protocols as bases, a type checker checks the methods.
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
    """Authenticates users."""

    def authenticate_user(self, username: str, password: str, /) -> User | Awaitable[User | None] | None:
        """Return the user, or None. Unknown names and wrong passwords should take the same time."""
        ...


class CustomizesAccessTokens(Protocol):
    """Adds claims to access tokens."""

    def customize_access_token(self, plan: Plan, /) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        """Return the claims to add to the access token of `plan`."""
        ...


class CustomizesIdTokens(Protocol):
    """Adds claims to ID tokens."""

    def customize_id_token(self, plan: Plan, /) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        """Return the claims to add to the ID token of `plan`."""
        ...


Decided = Plan | Awaiting | OAuthError | None
"""The result of `decide`: a plan, an error, or None for invalid_request."""


class Decides(Protocol):
    """Decides the token requests whose grant type is one of `hooks.decides`."""

    def decide(self, request: TokenRequest, /) -> Decided | Awaitable[Decided]:
        """Return the plan of the tokens to issue, or an error."""
        ...


class HearsOfIssues(Protocol):
    """Receives the events of issued tokens."""

    def on_issued(self, event: TokenIssued, /) -> Awaitable[None] | None:
        """Handle the event. The response to the client does not wait for this method."""
        ...


class HearsOfRefusals(Protocol):
    """Receives the events of refused token requests."""

    def on_refused(self, event: TokenRefused, /) -> Awaitable[None] | None:
        """Handle the event."""
        ...
