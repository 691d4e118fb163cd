"""Fetching other parties' JWK Sets (RFC 7517 section 5): within limits, and kept a while."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable

import httpx
import structlog

from service.bags.errors import BadBag
from service.bags.foreign_keys import KeySet, import_jwks
from service.protocol.ports import KeysUnavailable
from service.web.outward import exchange
from service.web.public_address import AddressRefused

MAX_BYTES = 64 * 1024
SECONDS = 5.0
"""Seconds for all of a fetch: name, connection and document."""
MIN_AGE, DEFAULT_AGE, MAX_AGE = 60, 600, 86_400
"""Seconds for which keys are kept, whatever `max-age` says (RFC 9111 section 5.2.2.1)."""
COOL_DOWN = 60
"""Seconds after a fetch before an unknown kid, or a failure where there are old keys, leads to another."""
RETRY = 10
"""Seconds after a failure before the next fetch where there are no keys at all."""
MAX_URIS = 1000

log = structlog.get_logger("satchel")


class HttpRemoteKeys:
    """JWK Sets by URI, fetched when they are first asked for; one fetch at a time for each."""

    def __init__(self, development: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._development = development
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def keys(self, uri: str, kid: str | None) -> KeySet:
        """Return the keys at `uri`; if `kid` is not among those at hand, they are fetched anew, once a minute at most.

        Old keys stay in use where new ones cannot be had.

        Raises:
            KeysUnavailable: there are none.
        """
        kept = self._kept.setdefault(uri, _Kept())
        self._kept.move_to_end(uri)
        if len(self._kept) > MAX_URIS:
            self._kept.popitem(last=False)
        if kept.wants_fetch(kid, self._clock()):
            if kept.fetching is None or kept.fetching.done():
                kept.fetching = asyncio.create_task(self._refresh(uri, kept))
            # Others may be waiting for the same fetch: a client that hangs up does not end it.
            await asyncio.shield(kept.fetching)
        if kept.keys is None:
            raise KeysUnavailable(f"no keys from {uri}")
        return kept.keys

    async def _refresh(self, uri: str, kept: "_Kept") -> None:
        try:
            async with asyncio.timeout(SECONDS):
                document, age = await _fetch(uri, self._development)
            keys = import_jwks(document)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, ValueError, AddressRefused, BadBag) as fault:
            reason = (
                fault.reason if isinstance(fault, BadBag) else str(fault) if isinstance(fault, AddressRefused) else ""
            )
            log.warning("keys not fetched", uri=uri, fault=type(fault).__name__, reason=reason)
            kept.failed(self._clock())
        else:
            kept.succeeded(keys, age, self._clock())


class _Kept:
    """The keys of one URI and when to ask for them again."""

    __slots__ = ("fetching", "fresh_until", "keys", "not_before")

    def __init__(self) -> None:
        self.keys: KeySet | None = None
        self.fresh_until = self.not_before = float("-inf")
        self.fetching: asyncio.Task[None] | None = None

    def wants_fetch(self, kid: str | None, now: float) -> bool:
        missing = self.keys is None or (kid is not None and kid not in self.keys)
        return now >= self.not_before and (missing or now >= self.fresh_until)

    def succeeded(self, keys: KeySet, age: int, now: float) -> None:
        self.keys, self.fresh_until, self.not_before = keys, now + age, now + COOL_DOWN

    def failed(self, now: float) -> None:
        self.not_before = now + (RETRY if self.keys is None else COOL_DOWN)


async def _fetch(uri: str, development: bool) -> tuple[bytes, int]:
    """Return a document and the seconds for which it may be kept.

    Raises:
        AddressRefused, httpx.HTTPError, OSError
    """
    async with exchange(
        "GET", uri, development, {"Accept": "application/json", "Accept-Encoding": "identity"}
    ) as response:
        return await _document(response), _age(response.headers.get("Cache-Control", ""))


async def _document(response: httpx.Response) -> bytes:
    if response.status_code != 200 or response.headers.get("Content-Encoding", "identity") != "identity":
        raise AddressRefused(f"status {response.status_code}, or an encoding that was not asked for")
    document = bytearray()
    async for chunk in response.aiter_raw():
        document += chunk
        if len(document) > MAX_BYTES:
            raise AddressRefused("document is too long")
    return bytes(document)


def _age(cache_control: str) -> int:
    found = re.search(r"(?:^|[\s,])max-age=(\d{1,9})(?=$|[\s,])", cache_control, re.IGNORECASE)
    return min(max(int(found[1]), MIN_AGE), MAX_AGE) if found else DEFAULT_AGE
