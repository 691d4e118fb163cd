"""Verification of access tokens (RFC 9068), for threads and for event loops.

verifier = Verifier(issuer="https://as.example.com", audience="https://api.example.com")
token = verifier.verify(text, Requirement("read"))
"""

from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

import httpx

from satchel_client.access_token import AccessToken
from satchel_client.checks import Checks
from satchel_client.dpop import ReplayWindow
from satchel_client.flights import AsyncFlights, Flights
from satchel_client.introspection import Introspection
from satchel_client.jwe import OwnKeys
from satchel_client.presented import Presented
from satchel_client.requirement import NOTHING, Requirement
from satchel_client.steps import AsyncReplays, Replays, acarry_out, carry_out


class Settings(TypedDict, total=False):
    """The optional arguments of the verifiers."""

    jwks: bytes | Mapping[str, Any] | None
    """The JWK Set of the issuer. If it is given, nothing is fetched."""
    jwks_uri: str
    """The URL of the JWK Set. By default it is taken from the metadata of the issuer (RFC 8414, OpenID Connect)."""
    algorithms: Collection[str]
    """Signature algorithms that are taken: by default every one of ours, and there is no HMAC among them."""
    rfc9068: bool
    """False for servers from before RFC 9068: `typ` may be `JWT` or missing, and so may `sub`, `client_id`, `iat` and
    `jti`. An ID token for one of the audiences would then be taken."""
    own_keys: OwnKeys | None
    """Private keys for encrypted tokens."""
    introspection: Introspection | None
    """Introspection, for tokens that cannot be verified offline."""
    leeway: float
    """Seconds by which clocks may differ; 30 by default."""
    cache_capacity: int
    """The number of verified tokens that are cached; 10,000 by default, 0 for none."""
    insecure: bool
    """Whether plain http to other hosts is allowed."""
    clock: Callable[[], float]
    """A clock that returns seconds since the epoch."""
    monotonic: Callable[[], float]
    """A monotonic clock, in seconds, for the lifetime of the keys."""


class Verifier(Checks):
    """Verifies access tokens, in threads.

    `issuer` is exactly the `iss` of tokens taken; `audience` identifies this resource server: one of its values is in
    the `aud` of each token taken. `replays` remembers DPoP proofs, by default in this process alone. `client` makes the
    requests, by default one of its own.

    Raises:
        ValueError: an argument makes no sense.
    """

    def __init__(
        self,
        issuer: str,
        audience: str | Collection[str],
        *,
        replays: Replays | None = None,
        client: httpx.Client | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(issuer, audience, **settings)
        self._replays = replays or ReplayWindow()
        self._flights = Flights(client)

    def verify(self, token: str | Presented, requirement: Requirement = NOTHING) -> AccessToken:
        """Check a token: a text, which is then a bearer token, or one with what else a request brings.

        Raises:
            InvalidToken: it is not good.
            InsufficientScope, InsufficientAuthentication: it is good, and not enough.
            Undecided: neither can be said now.
        """
        presented = Presented(token) if isinstance(token, str) else token
        return carry_out(self.check(presented, requirement), self._flights, self._replays)

    def close(self) -> None:
        """Close the connections, except those of a client that was passed in."""
        self._flights.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncVerifier(Checks):
    """Verifies access tokens, in event loops. The arguments are those of `Verifier`."""

    def __init__(
        self,
        issuer: str,
        audience: str | Collection[str],
        *,
        replays: AsyncReplays | None = None,
        client: httpx.AsyncClient | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(issuer, audience, **settings)
        self._replays = replays or ReplayWindow()
        self._flights = AsyncFlights(client)

    async def verify(self, token: str | Presented, requirement: Requirement = NOTHING) -> AccessToken:
        """Verify a token, as `Verifier.verify` does."""
        presented = Presented(token) if isinstance(token, str) else token
        return await acarry_out(self.check(presented, requirement), self._flights, self._replays)

    async def aclose(self) -> None:
        """Close the connections of this event loop, except those of a client that was passed in."""
        await self._flights.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
