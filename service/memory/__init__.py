"""One small memory (RFC 6749 §10.5): one verb that writes, one that reads."""

from __future__ import annotations

import time
from collections.abc import Callable

from service.memory.port import REVOKED, Entry, Memory, MemoryFull, MemoryRefused, MemoryStatus, MemoryUnavailable
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


def open_memory(settings: MemorySettings, clock: Callable[[], int] = _now, *, create: bool = True) -> Memory:
    """Give the memory that `settings` names. It touches no file and no server before its first use, after the fork.

    `clock` gives whole seconds since the epoch. Without `create`, a memory that nobody has used yet is refused
    (`MemoryRefused`) instead of begun. Raises `ImportError` if redis is asked for and redis-py is missing,
    and `ValueError` if embedded is asked for and no path was settled.
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
        )
    from service.memory.none import NoMemory

    return NoMemory()
