"""The keys of one issuer, kept fresh (RFC 7517 section 5, RFC 9111 section 4.2).

Nothing here waits or sends: what is to be fetched is an exchange, which a shell carries out once for all callers.
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
"""Seconds between two fetches for the sake of an unknown kid, and after a failed fetch."""
USUAL_LIFE, SHORTEST_LIFE, LONGEST_LIFE = 300.0, 1.0, 86400.0
"""Seconds for which a set is fresh: where the server does not say, and the bounds of what it says."""
AHEAD = 0.8
"""The share of its life after which a set is fetched anew in the background."""
STALE_LIFE = 86400.0
"""Seconds for which an expired set serves while no newer one can be had."""

_MAX_AGE = re.compile(r'(?:^|[\s,])max-age\s*=\s*"?([0-9]{1,10})"?(?=$|[\s,])', re.IGNORECASE)
_NO_STORE = re.compile(r"(?:^|[\s,])no-(?:store|cache)(?=$|[\s,=])", re.IGNORECASE)


class Snapshot:
    """A key set, and the tokens that its keys have been seen to sign: they go when a key goes."""

    def __init__(self, keys: KeySet, capacity: int) -> None:
        self.keys = keys
        self.verified = Cache(capacity)


class Jwks:
    """`fetch` gets the set, `current` is what there is. Instants are in seconds of a monotonic clock."""

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
        """Fetches that have begun."""
        self.failure: MetadataError | Unreachable | None = None
        """Why the last fetch has failed; None if it has not."""

    @property
    def due(self) -> bool:
        """Whether a newer set is wanted, and may be asked for."""
        return self._clock() >= max(self._refresh_at, self._retry_at)

    @property
    def fresh(self) -> bool:
        """Whether the set may be used without asking first."""
        return self._clock() < self._expires

    def usable(self) -> Snapshot | None:
        """Return what there is, unless it is too old to serve even while the server is away."""
        if self._clock() >= self._useless_at:
            self.current = None
        return self.current

    def refresh(self) -> Exchange[None]:
        """Fetch the set if it is time to; a failure leaves the old one, and the next attempt waits a while."""
        if self.due:
            yield from self._fetch()

    def find(self, begun: int) -> Exchange[None]:
        """Fetch the set for the sake of an unknown kid, unless a fetch has begun after so many, or it is too soon."""
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
    """Find out where the set of `issuer` is, unless that is known.

    Raises:
        MetadataError: its metadata cannot be had, or does not say.
    """
    if jwks_uri:
        return jwks_uri
    metadata = yield from discover(issuer, insecure=insecure)
    if not metadata.jwks_uri:
        raise MetadataError("the server publishes no keys")
    return metadata.jwks_uri


class GivenKeys(Jwks):
    """Keys that are known beforehand: nothing is ever fetched."""

    def __init__(self, keys: KeySet, capacity: int) -> None:
        super().__init__(_nowhere, lambda: 0.0, capacity)
        self.current = Snapshot(keys, capacity)
        self._refresh_at = self._expires = self._useless_at = self._unknown_at = inf


def freshness(headers: Mapping[str, str]) -> float:
    """Return for how many seconds an answer with these headers is fresh, within our bounds."""
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
