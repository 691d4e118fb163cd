"""Interfaces through which grants and client authentication reach the outside; `service/app.py` implements them."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from service.bags.foreign_keys import KeySet


class User(NamedTuple):
    """A user who has logged in. `claims` are used for tokens and /userinfo."""

    sub: str
    amr: tuple[str, ...] = ("pwd",)
    acr: str = ""
    claims: dict[str, Any] = {}  # noqa: RUF012 - never changed


class Users(Protocol):
    """The directory of users."""

    async def authenticate(self, username: str, password: str) -> User | None:
        """Return the user, or None. Unknown names and wrong passwords take the same time."""
        ...

    async def claims(self, sub: str) -> dict[str, Any] | None:
        """Return the claims of the user with the id `sub`; None if claims are known at login only (`User.claims`)."""
        ...

    def may_exist(self, sub: str) -> bool:
        """Return whether there may be a user with the id `sub`; false only if every user is known here."""
        ...


class RemoteKeys(Protocol):
    """Fetches and caches the JWK Sets of other parties."""

    async def keys(self, uri: str, kid: str | None) -> KeySet:
        """Return the keys at `uri`. If the cache lacks `kid`, the keys are fetched again, but not too often.

        Raises:
            KeysUnavailable: the keys cannot be fetched, and none are cached.
        """
        ...


class Customize(Protocol):
    """Adds claims to a `Plan` (service/grants/plan.py)."""

    async def tokens(self, plan: Any, /) -> Any:
        """Return `plan` with claims for its access token and its ID token.

        Raises:
            OAuthError: the hook refuses the request or fails.
        """
        ...

    async def id_token(self, plan: Any, /) -> Any:
        """Return `plan` with claims for its ID token.

        Raises:
            OAuthError: the hook refuses the request or fails.
        """
        ...


class Attempts(Protocol):
    """Limits failed attempts. Each method raises MemoryUnavailable and MemoryFull."""

    async def may_begin(self) -> bool:
        """Return whether an attempt may begin."""
        ...

    async def may_succeed(self) -> bool:
        """Return whether an attempt may succeed, given the attempts that failed at the same time."""
        ...

    async def count(self) -> bool:
        """Count a failed attempt."""
        ...


class KeysUnavailable(Exception):
    """The keys of another party are unavailable now. The text is for the log."""


Notify = Callable[[str, dict[str, str]], Awaitable[bool]]
"""Posts a form to a URL of a registered client. Returns within seconds whether the client accepted it; never raises."""


class Ports(NamedTuple):
    """All interfaces to the outside."""

    users: Users
    remote_keys: RemoteKeys
    notify: Notify
    attempts: Callable[[str, str, float], Attempts]
    """Takes a client id, the address that sends the secret, and the time (seconds since the epoch)."""
    authenticate_client: Callable[[Any], Awaitable[str | None]] | None = None
    """The hook `authenticate_client`, which takes Credentials."""
    customize: Customize | None = None
    """The hooks that add claims."""
    audit: Callable[[Any, float], None] | None = None
    """Takes each Decision on a token request and its time (seconds since the epoch); never waits or raises."""
