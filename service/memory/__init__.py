"""One small memory, three verbs (RFC 6749 §10.5): put once, get many, raise to the maximum."""

from __future__ import annotations

import time
from collections.abc import Callable

from service.memory.port import Memory, MemoryFull, MemoryRefused, MemoryStatus, MemoryUnavailable
from service.memory.settings import MemorySettings

__all__ = [
    "Memory",
    "MemoryFull",
    "MemoryRefused",
    "MemorySettings",
    "MemoryStatus",
    "MemoryUnavailable",
    "open_memory",
]


def _now() -> int:
    return int(time.time())


def open_memory(settings: MemorySettings, clock: Callable[[], int] = _now, *, create: bool = True) -> Memory:
    """Give the memory that `settings` names. It touches no file and no server before its first use, after the fork.

    `clock` gives whole seconds since the epoch. Without `create`, a memory that nobody has used yet is refused
    (`MemoryRefused`) instead of begun. Raises `ImportError` if redis is asked for and redis-py is missing,
    and `ValueError` if embedded is asked for and no path was settled.
    """
    if settings.kind == "redis":
        from service.memory.redis import RedisMemory

        return RedisMemory(
            settings.url,
            timeout=settings.timeout_ms / 1000,
            max_entries=settings.max_entries,
            quotas=settings.every_quota,
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
            max_entries=settings.max_entries,
            quotas=settings.every_quota,
            clock=clock,
            create=create,
        )
    from service.memory.none import NoMemory

    return NoMemory()
