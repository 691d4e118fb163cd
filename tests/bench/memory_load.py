"""What the embedded memory costs: puts timed one by one, with many entries alive in the file."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from service.memory import MemorySettings, open_memory
from tests.bench.effort import Effort
from tests.bench.figure import Figure

VALUE = b"0123456789abcdef012345"
"""As long as what is written down of a spent id."""


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield the median and the 99.9th percentile of a put, and the medians of a losing put and a read, in µs."""
    yield from asyncio.run(_measure(effort))


async def _measure(effort: Effort) -> list[Figure]:
    until = int(time.time()) + 3600
    with TemporaryDirectory() as home:
        memory = open_memory(MemorySettings(path=str(Path(home, "memory.db"))))
        for n in range(effort.live):
            await memory.put(f"live:{n}", VALUE, until, use="code")
        puts = await _timed(effort.puts, lambda n: memory.put(f"new:{n}", VALUE, until, use="code"))
        losing = await _timed(effort.puts, lambda n: memory.put(f"new:{n}", VALUE, until, use="code"))
        reads = await _timed(effort.puts, lambda n: memory.get_many([f"live:{n * 7919 % effort.live}"]))
        await memory.close()
    return [
        Figure("put_us", puts[len(puts) // 2], at_most=25, note=f"{effort.live:,} live entries"),
        Figure("put_p999_us", puts[len(puts) * 999 // 1000], at_most=10_000),
        Figure("losing_put_us", losing[len(losing) // 2]),
        Figure("read_us", reads[len(reads) // 2]),
    ]


async def _timed(count: int, call: Callable[[int], Awaitable[object]]) -> list[float]:
    """Return how long each call has taken, in microseconds, sorted."""
    taken = []
    for n in range(count):
        began = time.perf_counter()
        await call(n)
        taken.append((time.perf_counter() - began) * 1e6)
        if n % 100 == 99:
            await asyncio.sleep(0)  # a checkpoint's thread is waited for as in a worker
    return sorted(taken)
