"""One small memory (RFC 6749 §10.5): one verb that writes, one that reads.

| file | what it holds |
|---|---|
| `port.py` | the interface of a memory |
| `settings.py` | the `[memory]` table |
| `quota.py` | the share of each class of use, and of one owner in a class |
| `digest.py` | the digest under which an entry is stored |
| `none.py` | the memory that stores nothing |
| `embedded.py` | the memory of one host, in SQLite |
| `embedded_file.py` | its file: made, opened, set aside when damaged |
| `embedded_times.py` | whether its clock went back, and since when it is complete |
| `embedded_mark.py` | the mark that a process has the file open |
| `embedded_contents.py` | its transactions: put, count, read, sweep |
| `embedded_batch.py` | the puts of one turn in one transaction |
| `embedded_upkeep.py` | expired entries and free pages |
| `embedded_space.py` | the length of the log, and a full disk |
| `embedded_room.py` | free space on the disk, and a reserve |
| `redis.py` | the memory of several nodes, in Redis or Valkey |
| `redis_connection.py` | its client, and what a server must be like |
| `redis_keys.py` | its keys and its script |
| `redis_look.py` | whose contents a server has, and since when |
| `breaker.py` | the circuit breaker of a memory that cannot be reached |
"""

from __future__ import annotations

import time
from collections.abc import Callable

from service.memory.port import (
    MARGIN,
    PROOF_LIFE,
    REVOKED,
    Entry,
    Memory,
    MemoryFull,
    MemoryRefused,
    MemoryStatus,
    MemoryUnavailable,
)
from service.memory.quota import CLASSES, OPERATOR, Quotas, owners
from service.memory.settings import MemorySettings

__all__ = [
    "CLASSES",
    "OPERATOR",
    "REVOKED",
    "Entry",
    "Memory",
    "MemoryFull",
    "MemoryRefused",
    "MemorySettings",
    "MemoryStatus",
    "MemoryUnavailable",
    "open_memory",
    "owners",
]


def _now() -> int:
    return int(time.time())


def open_memory(
    settings: MemorySettings,
    clock: Callable[[], int] = _now,
    *,
    create: bool = True,
    skew: int = MARGIN,
    proof_life: int = PROOF_LIFE,
) -> Memory:
    """Give the memory that `settings` names. It touches no file and no server before its first use, after the fork.

    `clock` gives whole seconds since the epoch. Without `create`, a memory that nobody has used yet is refused
    (`MemoryRefused`) instead of begun. `skew` is the largest permitted difference between two clocks, and `proof_life`
    the time for which a client's proof can be used (s). Raises `ImportError` if redis is asked for and redis-py is
    missing, and `ValueError` if embedded is asked for and no path was settled.
    """
    quotas = Quotas(settings.max_entries, settings.every_quota, settings.every_share)
    if settings.kind == "redis":
        from service.memory.redis import RedisMemory

        return RedisMemory(
            settings.url,
            timeout=settings.timeout_ms / 1000,
            quotas=quotas,
            clock=clock,
            create=create,
            skew=skew,
            proof_life=proof_life,
        )
    if settings.kind == "embedded":
        from service.memory.embedded import EmbeddedMemory

        if not settings.path:
            raise ValueError("the embedded memory needs a path")
        return EmbeddedMemory(
            settings.path,
            busy=settings.busy_ms / 1000,
            quotas=quotas,
            clock=clock,
            create=create,
            proof_life=proof_life,
        )
    from service.memory.none import NoMemory

    return NoMemory()
