"""The port to the one small memory (RFC 6749 §10.5, RFC 9700 §4.14): spent ids, revocations and device approvals.

An id is a string of any length. Memories store a digest of it, so neither a file nor a server ever shows a user code or
the id of an assertion.

Ask `identity` and `since` in the same turn of the event loop as a verb, before it or after it: a verb answers only
if the memory still is the one that those two were speaking of, and raises `MemoryUnavailable` otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

# Seconds for which an entry stays beyond its `until`: clocks of equal nodes differ, and step back.
MARGIN = 60
# Classes of what clients make themselves: proofs name no memory, so `since` does not protect them.
PROOFS = frozenset({"assertion", "dpop"})
# Seconds for which a proof can be used: its life, and twice the skew of clocks.
PROOF_LIFE = 420
# The highest rank. It marks what is revoked: no other rank can take its place. Lua numbers are exact up to here.
REVOKED = 2**53 - 1


class MemoryUnavailable(Exception):
    """The memory cannot answer now; `retry_after` is in seconds. Whether a verb took effect is not known."""

    def __init__(self, reason: str, retry_after: int = 1) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


def check_begun(since: int, now: int) -> None:
    """Refuse to name contents that begin after `now` (s): what is issued before that would be refused later.

    Raises `MemoryUnavailable`.
    """
    if now < since:
        raise MemoryUnavailable("the memory has just begun", retry_after=since - now)


class MemoryRefused(MemoryUnavailable):
    """The memory is set up so that it could forget what is alive; an operator has to change that."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, retry_after=60)


class MemoryFull(Exception):
    """The class of use `use` holds all that it may, or the disk or the server is full. Nothing was evicted."""

    def __init__(self, use: str, retry_after: int = 30) -> None:
        super().__init__(f"no room for another {use or 'unnamed'} entry")
        self.use = use
        self.retry_after = retry_after


class MemoryStatus(msgspec.Struct, frozen=True):
    """What `/readyz` shows. `entries` counts roughly, the expired too.

    `since`, and `proofs` until which proofs are refused after a step of the clock, are instants (s); 0: they are taken.
    """

    name: str
    identity: str
    since: int
    entries: int
    detail: str = ""
    proofs: int = 0


def check_proofs(use: str, until: int, now: int) -> None:
    """Refuse a proof before the instant `until` (s): one that was used before a step of the clock may be forgotten.

    Raises `MemoryUnavailable`.
    """
    if now < until and use in PROOFS:
        raise MemoryUnavailable("a clock stepped: proofs are refused until old ones have expired", until - now)


class Entry(NamedTuple):
    """What stands under an id: a rank, and the value that was put with it."""

    rank: int
    value: bytes


class Memory(Protocol):
    """One verb that writes, one that reads, and both at once. Each raises `MemoryUnavailable` when there is no answer.

    Those that write also raise `MemoryFull`.
    """

    @property
    def name(self) -> str:
        """`none`, `embedded` or `redis`."""
        ...

    @property
    def identity(self) -> str:
        """The stable name of these contents, kept with them: up to 32 characters.

        Raises `MemoryUnavailable`, also before the instant `since`, which is some seconds ahead after a loss.
        """
        ...

    def since(self, ids: Sequence[str] = ()) -> int:
        """Give the instant (s) from which nothing was forgotten where these ids live; without ids, anywhere.

        Raises `MemoryUnavailable`.
        """
        ...

    async def put(
        self, id: str, value: bytes, until: int, rank: int = 0, *, use: str = "", owners: Sequence[str] = ()
    ) -> Entry:
        """Write, and give the entry that stands: the highest rank wins, among equals the first.

        `rank` is from 0 to REVOKED. An entry is kept until the latest `until` (s) of those that won, or somewhat
        longer; never shorter. A new entry counts against the class `use`, and there against the share of each of
        `owners` (service/memory/quota.py); an entry that takes the place of another needs no room.
        """
        ...

    async def get_many(self, ids: Sequence[str]) -> list[Entry | None]:
        """Read all in one round trip."""
        ...

    async def put_and_get(
        self,
        id: str,
        value: bytes,
        until: int,
        ids: Sequence[str],
        rank: int = 0,
        *,
        use: str = "",
        owners: Sequence[str] = (),
    ) -> tuple[Entry, list[Entry | None]]:
        """`put`, and then `get_many`, in one round trip. Where it raises, the put may stand."""
        ...

    async def ready(self) -> MemoryStatus:
        """Contact the memory and describe it. Raises `MemoryRefused` if it is set up to forget."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...
