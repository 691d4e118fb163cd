"""The JWK Set of one issuer and its cache (RFC 7517 section 5, RFC 9111 section 4.2).

This module does no input and output. A fetch is an exchange, which `flights.py` runs once for all callers.
"""

import re
from collections.abc import Callable, Mapping
from math import inf

from satchel_client.cache import Cache
from satchel_client.errors import MetadataError, Unreachable
from satchel_client.http import Exchange, Request, Response
from satchel_client.key_set import KeySet, read_jwks
from satchel_client.metadata import discover
from satchel_jose.errors import Rejected

COOL_DOWN = 5.0
"""Seconds between two fetches because of an unknown kid, and seconds after a failed fetch."""
USUAL_LIFE, SHORTEST_LIFE, LONGEST_LIFE = 300.0, 1.0, 86400.0
"""Seconds for which a set is fresh: the default, and the limits of what the server may say."""
AHEAD = 0.8
"""The part of its lifetime after which a set is fetched again in the background."""
STALE_LIFE = 86400.0
"""Seconds for which an expired set stays in use while no newer one can be fetched."""

_MAX_AGE = re.compile(r'(?:^|[\s,])max-age\s*=\s*"?([0-9]{1,10})"?(?=$|[\s,])', re.IGNORECASE)
_NO_STORE = re.compile(r"(?:^|[\s,])no-(?:store|cache)(?=$|[\s,=])", re.IGNORECASE)


class Snapshot:
    """A key set with its cache of verified tokens. When the keys change, the cache is dropped with them."""

    def __init__(self, keys: KeySet, capacity: int) -> None:
        self.keys = keys
        self.verified = Cache(capacity)


class Jwks:
    """The JWK Set of an issuer; `current` is the cached one. Times are in seconds of a monotonic clock."""

    def __init__(
        self,
        locate: Callable[[], Exchange[str]],
        clock: Callable[[], float],
        capacity: int,
        cool_down: float = COOL_DOWN,
    ) -> None:
        self._locate = locate
        self._clock = clock
        self._capacity = capacity
        self._cool_down = cool_down
        self.current: Snapshot | None = None
        self._refresh_at = self._expires = self._useless_at = -inf
        self._retry_at = self._unknown_at = -inf
        self.begun = 0
        """The number of fetches that have started."""
        self.failure: MetadataError | Unreachable | None = None
        """Why the last fetch failed; None if it succeeded."""

    @property
    def due(self) -> bool:
        """Whether the set should be fetched again, and may be fetched now."""
        return self._clock() >= max(self._refresh_at, self._retry_at)

    @property
    def fresh(self) -> bool:
        """Whether the set may be used without waiting for a fetch."""
        return self._clock() < self._expires

    def usable(self) -> Snapshot | None:
        """Return the cached set, or None if it is too old even for the time while the server is unreachable."""
        if self._clock() >= self._useless_at:
            self.current = None
        return self.current

    def refresh(self) -> Exchange[None]:
        """Fetch the set if it is due. If that fails, the old set stays, and the next attempt waits."""
        if self.due:
            yield from self._fetch()

    def find(self, begun: int) -> Exchange[None]:
        """Fetch the set because of an unknown kid, unless a newer fetch than `begun` has started, or it is too soon."""
        now = self._clock()
        if self.begun == begun and now >= max(self._unknown_at, self._retry_at):
            self._unknown_at = now + self._cool_down
            yield from self._fetch()

    def _fetch(self) -> Exchange[None]:
        self.begun += 1
        try:
            response = yield Request("GET", (yield from self._locate()))
            keys = _keys(response)
        except (MetadataError, Unreachable) as failure:
            self.failure = failure
            self._retry_at = self._clock() + self._cool_down
            return
        now, life = self._clock(), freshness(response.headers)
        self.failure = None
        if self.current is None or self.current.keys.identity != keys.identity:
            self.current = Snapshot(keys, self._capacity)
        self._useless_at = now + life + STALE_LIFE
        self._expires = now + life
        self._refresh_at = now + AHEAD * life


def locate(issuer: str, jwks_uri: str, insecure: bool) -> Exchange[str]:
    """Return the URL of the JWK Set: `jwks_uri`, or the one in the metadata of `issuer`.

    Raises:
        MetadataError: the metadata cannot be fetched or has no jwks_uri.
    """
    if jwks_uri:
        return jwks_uri
    metadata = yield from discover(issuer, insecure=insecure)
    if not metadata.jwks_uri:
        raise MetadataError("the metadata of the server has no jwks_uri")
    return metadata.jwks_uri


class GivenKeys(Jwks):
    """Keys that are passed in. Nothing is ever fetched."""

    def __init__(self, keys: KeySet, capacity: int) -> None:
        super().__init__(_nowhere, lambda: 0.0, capacity)
        self.current = Snapshot(keys, capacity)
        self._refresh_at = self._expires = self._useless_at = self._unknown_at = inf


def freshness(headers: Mapping[str, str]) -> float:
    """Return for how many seconds a response with these headers is fresh, within the limits above."""
    control = headers.get("cache-control", "")
    if _NO_STORE.search(control):
        return SHORTEST_LIFE
    found = _MAX_AGE.search(control)
    life = float(found[1]) if found else USUAL_LIFE
    age = headers.get("age", "0").strip()
    if age.isascii() and age.isdigit() and len(age) < 10:
        life -= int(age)
    return min(max(life, SHORTEST_LIFE), LONGEST_LIFE)


def _keys(response: Response) -> KeySet:
    if response.status != 200:
        raise MetadataError(f"status {response.status} for the JWK Set")
    try:
        return read_jwks(response.body)
    except Rejected as fault:
        raise MetadataError(f"the JWK Set cannot be used: {fault.reason}") from None


def _nowhere() -> Exchange[str]:
    raise MetadataError("the keys are given")
    yield
