"""What the embedded memory keeps of what has expired, which ought to be nothing.

Puts live ten seconds each and go by at a thousand a second of a clock that runs ahead, so some 70,000 are kept at any
time (ten seconds and the margin of sixty), however many have been there. The log before the file has a size of its own:
it grows between two checkpoints, the faster the more is written, and however little is kept.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from service.memory import MemorySettings, open_memory
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.bench.memory_load import VALUE

_LIFE, _A_SECOND = 10, 1000
_SETTLED = 100_000
"""Puts after which there are as many entries as there will ever be."""


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield bytes of the file for each entry, what it and resident memory have grown by once settled, and the log."""
    with TemporaryDirectory() as home:
        yield from asyncio.run(_measure(effort.short_lived, Path(home)))


async def _measure(count: int, home: Path) -> list[Figure]:
    start = now = int(time.time())
    file, log = home / "memory.db", home / "memory.db-wal"
    memory = open_memory(MemorySettings(path=str(file)), clock=lambda: now)
    settled = most = (0, 0, 0)
    for n in range(count):
        now = start + n // _A_SECOND
        await memory.put(f"short:{n}", VALUE, now + _LIFE, use="dpop")
        if n % 1000 == 999:
            await asyncio.sleep(0)
            most = max(most[0], _size(file)), max(most[1], _resident()), max(most[2], _size(log))
        if n == _SETTLED:
            settled = most
    entries = (await memory.ready()).entries
    await memory.close()
    note = f"{count:,} puts, {entries:,} entries"
    return [
        Figure("memory_disk_per_entry", most[0] / entries, "B", note=note),
        Figure("memory_disk_growth_ratio", most[0] / settled[0], "B", most[0], settled[0], at_most=1.2),
        Figure("memory_rss_growth_ratio", most[1] / settled[1], "B", most[1], settled[1], at_most=1.2),
        Figure("memory_log_bytes", most[2], "B", at_most=64 << 20),
    ]


def _size(file: Path) -> int:
    return file.stat().st_size


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
