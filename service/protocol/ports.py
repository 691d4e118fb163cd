"""What grants and client authentication may ask of the world outside; each is given by the wiring."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from service.bags.foreign_keys import KeySet


class User(NamedTuple):
    """A person who has proved who they are; `claims` are for tokens and /userinfo."""

    sub: str
    amr: tuple[str, ...] = ("pwd",)
    acr: str = ""
    claims: dict[str, Any] = {}  # noqa: RUF012 - never changed


class Users(Protocol):
    """Knows people by name and password."""

    async def authenticate(self, username: str, password: str) -> User | None:
        """Return the user, or None; unknown names and wrong passwords take the same time."""
        ...

    async def claims(self, sub: str) -> dict[str, Any] | None:
        """Return what is known of the person whose id is `sub`; None where only a login tells (User.claims)."""
        ...


class RemoteKeys(Protocol):
    """Fetches other parties' JWK Sets, and keeps them."""

    async def keys(self, uri: str, kid: str | None) -> KeySet:
        """Return the keys at `uri`, fetched anew at most once in a while if `kid` is not among those at hand.

        Raises:
            KeysUnavailable: there are none.
        """
        ...


class Customize(Protocol):
    """Adds claims to a Plan, which it returns (service/grants/plan.py)."""

    async def tokens(self, plan: Any, /) -> Any:
        """For its access token and its ID token.

        Raises:
            OAuthError
        """
        ...

    async def id_token(self, plan: Any, /) -> Any:
        """For its ID token alone.

        Raises:
            OAuthError
        """
        ...


class Attempts(Protocol):
    """Counts what may be guesses. Each verb raises MemoryUnavailable, MemoryFull."""

    async def may_begin(self) -> bool:
        """Tell whether an attempt may begin."""
        ...

    async def may_succeed(self) -> bool:
        """Tell whether an attempt may succeed, after all that failed beside it."""
        ...

    async def count(self) -> bool:
        """Count a failure."""
        ...


class KeysUnavailable(Exception):
    """Another party's keys cannot be had now; the text is for the log."""


Notify = Callable[[str, dict[str, str]], Awaitable[bool]]
"""Post a form to a URL of a client's registration, and tell whether it was taken: within seconds, never raising."""


class Ports(NamedTuple):
    """All of them."""

    users: Users
    remote_keys: RemoteKeys
    notify: Notify
    attempts: Callable[[str, str, float], Attempts]
    """Given the id of a client, the address of whoever tries a secret, and the instant (seconds since the epoch)."""
    authenticate_client: Callable[[Any], Awaitable[str | None]] | None = None
    """The operator's own code, given Credentials."""
    customize: Customize | None = None
    """The operator's own code."""
    audit: Callable[[Any, float], None] | None = None
    """Is told each Decision on a token request, with its instant (seconds since the epoch); never waits or raises."""
