"""Fetches and caches the JWK Sets of other parties (RFC 7517 section 5), with limits on size, time and frequency."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable

import httpx
import structlog
from prometheus_client import Counter

from service.bags.errors import BadBag
from service.bags.foreign_keys import KeySet, import_jwks
from service.protocol.ports import KeysUnavailable
from service.web.outward import exchange
from service.web.public_address import AddressRefused

MAX_BYTES = 64 * 1024
SECONDS = 5.0
"""Seconds for one fetch in total: name resolution, connection and document."""
MIN_AGE, DEFAULT_AGE, MAX_AGE = 60, 600, 86_400
"""Limits in seconds, and default, of the `max-age` for which keys are cached (RFC 9111 section 5.2.2.1)."""
COOL_DOWN = 60
"""Seconds between two fetches of one URI while keys are cached, even if a kid is unknown or a fetch failed."""
RETRY = 10
"""Seconds between a failed fetch and the next one while no keys are cached."""
MAX_URIS = 1000

log = structlog.get_logger("satchel")
_FAILED = Counter("satchel_remote_keys_failed", "Fetches of JWK Sets of other parties that failed")
_TOO_STALE = Counter(
    "satchel_remote_keys_too_stale", "JWK Sets that were dropped, since no fetch succeeded for too long"
)


class HttpRemoteKeys:
    """JWK Sets by URI. A set is fetched at its first use; for each URI, one fetch runs at a time."""

    def __init__(
        self, development: bool, clock: Callable[[], float] = time.monotonic, max_stale: float = 86_400
    ) -> None:
        """`max_stale`: seconds for which keys stay in use after their last successful fetch."""
        self._development = development
        self._max_stale = max_stale
        self._clock = clock
        self._cache: OrderedDict[str, _CachedKeys] = OrderedDict()

    async def keys(self, uri: str, kid: str | None) -> KeySet:
        """Return the keys at `uri`. If the cache lacks `kid`, the keys are fetched again, at most once a minute.

        Cached keys stay in use if a fetch fails, but not longer than `max_stale` seconds: a key that its owner has
        withdrawn must end, even if somebody keeps us from learning of it.

        Raises:
            KeysUnavailable: the fetch failed, and no keys are cached.
        """
        cached = self._cache.setdefault(uri, _CachedKeys())
        self._cache.move_to_end(uri)
        if len(self._cache) > MAX_URIS:
            self._cache.popitem(last=False)
        if cached.wants_fetch(kid, self._clock()):
            if cached.fetching is None or cached.fetching.done():
                cached.fetching = asyncio.create_task(self._refresh(uri, cached))
            # Other requests may wait for the same fetch, so a client that disconnects must not cancel it.
            await asyncio.shield(cached.fetching)
        if cached.keys is not None and self._clock() - cached.fetched > self._max_stale:
            cached.keys = None
            _TOO_STALE.inc()
            log.error("JWK Set is too old to be used", uri=uri)
        if cached.keys is None:
            raise KeysUnavailable(f"the JWK Set at {uri} cannot be fetched")
        return cached.keys

    async def _refresh(self, uri: str, cached: "_CachedKeys") -> None:
        try:
            async with asyncio.timeout(SECONDS):
                document, age = await _fetch(uri, self._development)
            keys = import_jwks(document, origin=uri)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, ValueError, AddressRefused, BadBag) as fault:
            reason = (
                fault.reason if isinstance(fault, BadBag) else str(fault) if isinstance(fault, AddressRefused) else ""
            )
            _FAILED.inc()
            log.warning("JWK Set cannot be fetched", uri=uri, fault=type(fault).__name__, reason=reason)
            cached.failed(self._clock())
        else:
            cached.succeeded(keys, age, self._clock())


class _CachedKeys:
    """The cached keys of one URI, and when to fetch them again."""

    __slots__ = ("fetched", "fetching", "fresh_until", "keys", "not_before")

    def __init__(self) -> None:
        self.keys: KeySet | None = None
        self.fetched = self.fresh_until = self.not_before = float("-inf")
        self.fetching: asyncio.Task[None] | None = None

    def wants_fetch(self, kid: str | None, now: float) -> bool:
        missing = self.keys is None or (kid is not None and kid not in self.keys)
        return now >= self.not_before and (missing or now >= self.fresh_until)

    def succeeded(self, keys: KeySet, age: int, now: float) -> None:
        self.keys, self.fetched, self.fresh_until, self.not_before = keys, now, now + age, now + COOL_DOWN

    def failed(self, now: float) -> None:
        self.not_before = now + (RETRY if self.keys is None else COOL_DOWN)


async def _fetch(uri: str, development: bool) -> tuple[bytes, int]:
    """Return a document and the seconds for which it may be cached.

    Raises:
        AddressRefused, httpx.HTTPError, OSError
    """
    async with exchange(
        "GET", uri, development, {"Accept": "application/json", "Accept-Encoding": "identity"}
    ) as response:
        return await _document(response), _age(response.headers.get("Cache-Control", ""))


async def _document(response: httpx.Response) -> bytes:
    if response.status_code != 200 or response.headers.get("Content-Encoding", "identity") != "identity":
        raise AddressRefused(f"status {response.status_code}, or an unexpected Content-Encoding")
    document = bytearray()
    async for chunk in response.aiter_raw():
        document += chunk
        if len(document) > MAX_BYTES:
            raise AddressRefused(f"the document is longer than {MAX_BYTES} bytes")
    return bytes(document)


def _age(cache_control: str) -> int:
    found = re.search(r"(?:^|[\s,])max-age=(\d{1,9})(?=$|[\s,])", cache_control, re.IGNORECASE)
    return min(max(int(found[1]), MIN_AGE), MAX_AGE) if found else DEFAULT_AGE
