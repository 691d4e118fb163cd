"""One of several processes that race for the same ids: `python -m tests.memory.racer KIND WHERE IDS START`.

It begins at the instant START, puts each id once, and prints the numbers of those that it won.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter

from service.memory import Memory, MemorySettings, open_memory


def settings(kind: str, where: str) -> MemorySettings:
    if kind == "redis":
        return MemorySettings(kind="redis", url=where, timeout_ms=5000)
    return MemorySettings(kind="embedded", path=where, busy_ms=5000)


async def race(memory: Memory, ids: int, start: float) -> list[int]:
    mine = b"%d" % os.getpid()
    until = int(time.time()) + 600
    await memory.ready()
    await asyncio.sleep(start - time.time())
    won = [n for n in range(ids) if (await memory.put(f"raced:{n}", mine, until, use="race")).value == mine]
    await memory.close()
    return won


def winners(kind: str, where: str, ids: int, processes: int = 4, head_start: float = 1.5) -> Counter[int]:
    """Let `processes` race; give for each id how many of them believe that they won it."""
    start = str(time.time() + head_start)
    command = [sys.executable, "-m", "tests.memory.racer", kind, where, str(ids), start]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(processes)]
    counted: Counter[int] = Counter()
    for racer in racers:
        out, _ = racer.communicate(timeout=120)
        assert racer.returncode == 0
        counted.update(int(n) for n in out.splitlines()[-1].split())
    return counted


if __name__ == "__main__":
    _, kind, where, ids, start = sys.argv
    print(*asyncio.run(race(open_memory(settings(kind, where)), int(ids), float(start))))
