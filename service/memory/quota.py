"""How much room each class of use has, and how much of a class one owner may take.

Both memories count by one rule. The life of an entry is rounded up by a sixteenth at the most, so the entries of a
class end at few instants. One counter for each of these instants holds the number of entries that end then, and a
counter lives as long as the entries that it counts.

Entries are counted one by one while a class has fewer than a thousand, or there are fewer than a thousand free places.
Otherwise one in 16 counts for 16: by lot, since others may choose the id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import getrandbits
from typing import NamedTuple

CLASSES = {
    "code": "authorization codes that were redeemed",
    "refresh": "families of refresh tokens that rotate: one entry for each",
    "revocation": "tokens, families and sessions that were revoked",
    "assertion": "client assertions and authorization grants that were presented (RFC 7523)",
    "dpop": "DPoP proofs that were presented",
    "login": "login pages and tickets that were answered",
    "par": "pushed authorization requests that were answered",
    "device": "user codes, polls and approvals of the device flow",
    "throttle": "failed attempts to log in",
}
"""The classes of use, and what each holds."""

OPERATOR = "operator"
"""The class of an operator's revocations and not-befores. It has no quota: nobody else can write to it."""

RESERVED = frozenset({"revocation", OPERATOR})
"""Classes with room of their own on the disk and in redis, which no other class can take."""

EXACT = 1000
"""Entries of a class, and free places, up to which each entry is counted."""

UNDIVIDED = 100
"""Entries of a class that one owner may always have, so that the shares of a small class are not absurdly small."""


class Room(NamedTuple):
    """A counter, by its digest of 11 bytes, and the most entries that it may count."""

    counter: bytes
    most: int


class Quotas:
    """`max_entries` and `quotas` are counts of entries; `shares` are percent of a class, by kind of owner.

    An owner is named `kind:name`, such as `client:spa`.
    """

    def __init__(self, max_entries: int, quotas: Mapping[str, int], shares: Mapping[str, int]) -> None:
        self._max_entries = max_entries
        self.named = quotas
        self._shares = shares
        self.rooms = lru_cache(10_000)(self._rooms)

    def _rooms(self, use: str, owners: Sequence[str]) -> tuple[Room, ...]:
        """Give the counters that a new entry of `use` counts against."""
        if use == OPERATOR:
            return ()
        most = self.named.get(use, self._max_entries)
        shares = [(owner, self._shares.get(owner.partition(":")[0], 100)) for owner in owners]
        return (
            Room(counter(use), most),
            *(Room(counter(use, owner), min(most, max(UNDIVIDED, most * share // 100))) for owner, share in shares),
        )


def owners(*, client: str = "", subject: str = "", address: str = "") -> tuple[str, ...]:
    """Give the owners of an entry, each of which has a share of its class."""
    named = (("client", client), ("subject", subject), ("address", address))
    return tuple([f"{kind}:{name}" for kind, name in named if name])


def counter(use: str, owner: str = "") -> bytes:
    """Give the name of the counter of a class, or of an owner within it."""
    return hashlib.blake2b(f"{use}\0{owner}".encode(errors="surrogatepass"), digest_size=11).digest()


def lot() -> int:
    """Give how much an entry counts where not each is counted."""
    return 0 if getrandbits(4) else 16


def rounded(until: int, now: int) -> int:
    """Give the instant (s) until which an entry that is put at `now` is kept: a sixteenth of its life later at most."""
    granule = 1 << max(0, (until - now).bit_length() - 5) if until > now else 1
    return -(-until // granule) * granule
