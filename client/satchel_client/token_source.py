"""Tokens for outgoing calls: cached, renewed before they expire, and requested once for all callers.

A renewal runs in a thread of its own, on connections of its own: it outlives the caller and the event loop that
began it, and nothing of it is shared with a forked child.
"""

import asyncio
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future

import httpx

from satchel_client.client_auth import ClientAuth
from satchel_client.errors import ClientError, TokenUnavailable
from satchel_client.grants import ClientCredentials, Grant
from satchel_client.http import open_client, run
from satchel_client.proof import Prover
from satchel_client.renewal import FLIGHT_SECONDS, Outcome, RenewalSettings, Slot
from satchel_client.token import Token
from satchel_client.token_endpoint import TokenEndpoint

Resource = str | tuple[str, ...] | None
"""The resource, or resources, for which a token is requested (RFC 8707)."""
Key = tuple[str | None, Resource, Grant | None]


class TokenSource:
    """The tokens of one client at one server, by scope, resource and grant. Threads and event loops can share it."""

    def __init__(
        self,
        auth: ClientAuth,
        *,
        issuer: str = "",
        token_endpoint: str = "",
        grant: Grant | None = None,
        scope: str | None = None,
        resource: Resource = None,
        prover: Prover | None = None,
        settings: RenewalSettings | None = None,
        client: Callable[[], httpx.Client] = open_client,
        insecure: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the server's `issuer`, or its `token_endpoint`, or both; nothing is sent yet.

        `grant` (client credentials unless told otherwise), `scope` and `resource` hold where a caller names none;
        with a `prover`, tokens are bound to its key (DPoP). `client` opens the httpx client of one renewal, with
        certificates and proxies as you want them. `insecure` allows plain http beyond this host.

        Raises:
            ClientError: neither issuer nor endpoint, or one that eavesdroppers can read.
        """
        self.settings = settings or RenewalSettings()
        self.prover = prover
        self.renewals = 0
        """The number of successful renewals."""
        self.failures = 0
        """The number of failed renewals."""
        self._endpoint = TokenEndpoint(
            auth, issuer=issuer, token_endpoint=token_endpoint, prover=prover, insecure=insecure
        )
        self._grant = grant or ClientCredentials()
        self._scope = scope
        self._resource = resource
        self._client = client
        self._clock = clock
        self._slots: dict[Key, Slot] = {}
        self._lock = threading.Lock()
        _sources.add(self)

    def token(
        self,
        scope: str | None = None,
        resource: Resource = None,
        grant: Grant | None = None,
        timeout: float | None = None,
    ) -> Token:
        """Return a token that has not expired; wait at most `timeout` seconds where there is none yet.

        Raises:
            TokenUnavailable: there is none to be had, or not in time.
        """
        key = (scope, resource, grant)
        now = self._clock()
        slot = self._slots.get(key)
        if slot is not None and now < slot.renew_at:
            slot.used = now
            return slot.token  # type: ignore[return-value]  # there is one while it is fresh
        found = self._find(key, now)
        if isinstance(found, Token):
            return found
        try:
            return _unpack(found.result(FLIGHT_SECONDS if timeout is None else timeout))
        except TimeoutError:
            raise _late() from None

    async def atoken(self, scope: str | None = None, resource: Resource = None, grant: Grant | None = None) -> Token:
        """Do the same in an event loop; a cancelled caller leaves the renewal under way for the others.

        Raises:
            TokenUnavailable: as for `token`.
        """
        key = (scope, resource, grant)
        now = self._clock()
        slot = self._slots.get(key)
        if slot is not None and now < slot.renew_at:
            slot.used = now
            return slot.token  # type: ignore[return-value]  # there is one while it is fresh
        found = self._find(key, now)
        if isinstance(found, Token):
            return found
        try:
            async with asyncio.timeout(FLIGHT_SECONDS):
                return _unpack(await _landing(found))
        except TimeoutError:
            raise _late() from None

    def reject(
        self, token: Token, scope: str | None = None, resource: Resource = None, grant: Grant | None = None
    ) -> bool:
        """Forget `token`, which a resource server has refused; return whether it is worth to try with another.

        It is not where the refused one is younger than `expired_refresh_retry_delay`.
        """
        with self._lock:
            slot = self._slots.get((scope, resource, grant))
            return slot is None or slot.reject(token, self._clock())

    @property
    def kept(self) -> int:
        """The number of cached tokens."""
        return len(self._slots)

    def _find(self, key: Key, now: float) -> Token | Future[Outcome]:
        """Return a valid token (and start its renewal if it is due), or a renewal to wait for."""
        with self._lock:
            slot = self._slots.get(key) or self._place(key)
            slot.used = now
            token = slot.good(now)
            if token is not None and now < slot.renew_at:
                return token  # it was renewed while we waited for the lock
            boarded, begun = slot.board(now)
        if isinstance(boarded, TokenUnavailable):
            if token is None:
                raise boarded.again()
            return token
        if begun:
            self._begin(key, slot, boarded)
        return token or boarded

    def _place(self, key: Key) -> Slot:
        """A place for a new token; the one that was not asked for longest makes room."""
        while len(self._slots) >= self.settings.cache_capacity:
            idle = [(slot.used, key) for key, slot in self._slots.items() if slot.flight is None]
            if not idle:
                raise TokenUnavailable(
                    "more tokens are requested at once than the cache can hold; increase cache_capacity"
                )
            del self._slots[min(idle, key=lambda entry: entry[0])[1]]
        slot = self._slots[key] = Slot(self.settings)
        return slot

    def _begin(self, key: Key, slot: Slot, flight: Future[Outcome]) -> None:
        try:
            threading.Thread(target=self._renew, args=(key, slot, flight), name="token-renewal", daemon=True).start()
        except RuntimeError:  # no more threads, or the interpreter is ending
            self._land(slot, flight, TokenUnavailable("no thread can be started to get a token"), self._clock())

    def _renew(self, key: Key, slot: Slot, flight: Future[Outcome]) -> None:
        scope, resource, grant = key[0] or self._scope, key[1] or self._resource, key[2] or self._grant
        asked_at = self._clock()
        try:
            with grant.turn(), self._client() as client:
                asked_at = self._clock()
                more = {"scope": scope, "resource": resource}
                form = {**grant.form(), **{name: value for name, value in more.items() if value}}
                token = run(self._endpoint.ask(form), client)
                grant.keep(token.refresh_token)
            self._land(slot, flight, token, asked_at)
        except TokenUnavailable as failure:
            self._land(slot, flight, failure, asked_at)
        except ClientError as failure:
            self._land(slot, flight, TokenUnavailable(str(failure)), asked_at)
        except BaseException as failure:  # from functions of the caller's, whose messages may tell secrets
            self._land(slot, flight, TokenUnavailable(f"{type(failure).__name__} on the way to a token"), asked_at)

    def _land(self, slot: Slot, flight: Future[Outcome], outcome: Outcome, asked_at: float) -> None:
        with self._lock:
            slot.land(flight, outcome, asked_at, self._clock())
            if isinstance(outcome, Token):
                self.renewals += 1
            else:
                self.failures += 1
        flight.set_result(outcome)

    def _after_fork(self) -> None:
        """In the child: nobody here is renewing, nor will anybody else let go of the lock."""
        self._lock = threading.Lock()
        for slot in self._slots.values():
            slot.flight = None


def _unpack(outcome: Outcome) -> Token:
    if isinstance(outcome, TokenUnavailable):
        raise outcome.again()
    return outcome


async def _landing(flight: Future[Outcome]) -> Outcome:
    loop = asyncio.get_running_loop()
    landed = asyncio.Event()

    def tell(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may have ended
            loop.call_soon_threadsafe(landed.set)

    flight.add_done_callback(tell)
    await landed.wait()
    return flight.result()


def _late() -> TokenUnavailable:
    return TokenUnavailable("the token server has not answered in time")


_sources: weakref.WeakSet[TokenSource] = weakref.WeakSet()


def _after_fork() -> None:
    for source in _sources:
        source._after_fork()


os.register_at_fork(after_in_child=_after_fork)
