"""What the embedded memory costs: `python -m tests.bench.memory_load [--live N] [--short N] [--raced N] [--json FILE]`.

Puts are timed one by one with `--live` entries in the file; then `--short` puts go by that live ten seconds each, at a
thousand a second of a clock that runs ahead, so 70,000 are kept at any time (ten seconds and the margin of sixty).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from service.memory import Memory, MemorySettings, open_memory
from tests.memory.racer import winners

VALUE = b"0123456789abcdef012345"


def disk(path: Path) -> int:
    return sum(part.stat().st_size for part in path.parent.iterdir())


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def timed(count: int, call: Callable[[int], Awaitable[object]]) -> tuple[float, float, float]:
    """Give median, 99.9th percentile and maximum, in microseconds."""
    taken = []
    for n in range(count):
        begun = time.perf_counter()
        await call(n)
        taken.append(time.perf_counter() - begun)
        if n % 100 == 99:
            await asyncio.sleep(0)
    taken.sort()
    return taken[count // 2] * 1e6, taken[count * 999 // 1000] * 1e6, taken[-1] * 1e6


async def with_live(memory: Memory, live: int, count: int) -> dict[str, float]:
    until = int(time.time()) + 3600
    for n in range(live):
        await memory.put(f"live:{n}", VALUE, until, use="code")
    result: dict[str, float] = {}
    for name, call in (
        ("put", lambda n: memory.put(f"new:{n}", VALUE, until, use="code")),
        ("losing_put", lambda n: memory.put(f"new:{n}", VALUE, until, use="code")),
        ("get", lambda n: memory.get_many([f"live:{n * 7919 % live}"])),
    ):
        median, p999, most = await timed(count, call)
        print(f"{name:12} median {median:8.1f} µs   p99.9 {p999:8.1f} µs   max {most:9.1f} µs")
        result |= {f"{name}_us": median, f"{name}_p999_us": p999}
    return result


async def short_lived(path: Path, count: int) -> dict[str, float]:
    start = now = int(time.time())
    memory = open_memory(MemorySettings(path=str(path)), clock=lambda: now)
    most_disk = most_resident = 0
    for n in range(count):
        now = start + n // 1000
        await memory.put(f"short:{n}", VALUE, now + 10, use="dpop")
        if n % 1000 == 0:
            await asyncio.sleep(0)
        if n % (count // 20) == 0:
            most_disk, most_resident = max(most_disk, disk(path)), max(most_resident, resident())
    status = await memory.ready()
    await memory.close()
    print(
        f"{count} short-lived puts: {status.entries} entries, disk {disk(path) / 1e6:.1f} MB"
        f" (at most {most_disk / 1e6:.1f}, log included), resident at most {most_resident / 1e6:.1f} MB"
    )
    return {"entries": status.entries, "disk_bytes": disk(path), "most_disk_bytes": most_disk}


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--live", type=int, default=1_000_000)
    parser.add_argument("--short", type=int, default=5_000_000)
    parser.add_argument("--raced", type=int, default=5_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        memory = open_memory(MemorySettings(path=f"{home}/live/memory.db"))
        result = await with_live(memory, arguments.live, 100_000)
        await memory.close()
        result |= await short_lived(Path(home, "short", "memory.db"), arguments.short)
        counted = await asyncio.to_thread(winners, "embedded", f"{home}/raced/memory.db", arguments.raced)
        exactly_one = sum(1 for count in counted.values() if count == 1)
        print(f"4 processes, {arguments.raced} ids: {exactly_one} with exactly one winner")
        result |= {"raced": arguments.raced, "exactly_one_winner": exactly_one}
    if arguments.json:
        arguments.json.write_text(json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main())
