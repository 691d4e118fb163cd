"""Load on a memory that lives on a volume of 20 MB: `python -m tests.memory.small_volume SECONDS` inside `unshare -m`.

It mounts the volume, so the namespace must be its own. It prints what happened as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from service.memory import Memory, MemoryFull, MemorySettings, MemoryUnavailable, open_memory

WORKERS = 4
HASTE = 60  # seconds of the clock in one second
CALM = 2.0  # seconds at the end in which nobody spends, so that entries expire


def clock_from(begun: float) -> Any:
    return lambda: int(1_800_000_000 + (time.time() - begun) * HASTE)


async def spend(memory: Memory, clock: Any, name: str, seconds: float, life: int, size: int) -> dict[str, float]:
    """Spend ids one after the other, and revoke one now and then."""
    told = dict.fromkeys(("spent", "full", "unavailable", "revoked", "not revoked", "longest gap"), 0.0)
    end, last, n = time.monotonic() + seconds, time.monotonic(), 0
    while time.monotonic() < end:
        n += 1
        try:
            await memory.put(f"code:{name}:{n}", b"v" * size, clock() + life, use="code")
            told["spent"] += 1
            told["longest gap"], last = max(told["longest gap"], time.monotonic() - last), time.monotonic()
        except MemoryFull:
            told["full"] += 1
            await asyncio.sleep(0.001)
        except MemoryUnavailable:
            told["unavailable"] += 1
            await asyncio.sleep(0.001)
        if n % 200 == 0:
            try:
                await memory.put(f"revoked:{name}:{n}", b"1", clock() + life, use="revocation")
                told["revoked"] += 1
            except (MemoryFull, MemoryUnavailable) as refused:
                told["not revoked"] += 1
                print(repr(refused), file=sys.stderr)
    told["longest gap"] = max(told["longest gap"], time.monotonic() - last)
    return told


def work(path: str, begun: float, name: str, seconds: float, life: int, size: int) -> None:
    """One worker, in a process of its own."""

    async def act() -> dict[str, float]:
        memory = open_memory(MemorySettings(path=path), clock_from(begun))
        try:
            return await spend(memory, clock_from(begun), name, seconds, life, size)
        finally:
            await memory.close()

    print(json.dumps(asyncio.run(act())))


def main(seconds: float, life: int, size: int) -> None:
    """Mount, load, tell."""
    volume, begun = Path(tempfile.mkdtemp()), time.time()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m,mode=700", "tmpfs", str(volume)], check=True)
    path = volume / "memory.sqlite"

    def together(round: int, seconds: float) -> tuple[list[dict[str, float]], int]:
        command = [sys.executable, "-m", "tests.memory.small_volume", "worker", str(path), str(begun)]
        workers = [
            subprocess.Popen([*command, f"{round}.{n}", str(seconds), str(life), str(size)], stdout=subprocess.PIPE)
            for n in range(WORKERS)
        ]
        longest = 0
        while any(worker.poll() is None for worker in workers):
            log = path.with_name(path.name + "-wal")
            longest = max(longest, log.stat().st_size if log.exists() else 0)
            time.sleep(0.01)
        return [json.loads((worker.stdout or sys.stdin).read().splitlines()[-1]) for worker in workers], longest

    first, longest = together(1, seconds)
    time.sleep(CALM)
    again, _ = together(2, 2.0)
    free = os.statvfs(volume)
    told = {"first": first, "again": again, "longest log": longest, "free": free.f_bavail * free.f_frsize}
    told["parts"] = {part.name: part.stat().st_size for part in volume.iterdir()}
    print(json.dumps(told))


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        work(sys.argv[2], float(sys.argv[3]), sys.argv[4], float(sys.argv[5]), int(sys.argv[6]), int(sys.argv[7]))
    else:
        main(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
