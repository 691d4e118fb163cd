"""Reading the answers of a memory."""

from __future__ import annotations

from collections.abc import Iterable

from service.memory import Entry


def values(entries: Iterable[Entry | None]) -> list[bytes | None]:
    """Give the values of entries, without their ranks."""
    return [None if entry is None else entry.value for entry in entries]


def ranks(entries: Iterable[Entry | None]) -> list[int | None]:
    """Give the ranks of entries, without their values."""
    return [None if entry is None else entry.rank for entry in entries]
