"""Memories that are opened again and again with the same contents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from service.memory import Memory, MemorySettings, open_memory


@dataclass
class House:
    """Opens memories with the same contents, and runs what they are to do."""

    kind: str
    options: dict[str, Any]
    now: int = field(default_factory=lambda: int(time.time()))

    def wait(self, seconds: int) -> None:
        """Let time pass, for the node and for the server; the lives of a server's entries follow its own clock."""
        if self.kind == "redis":
            time.sleep(seconds)
        self.now += seconds

    def open(self, **more: Any) -> Memory:
        return open_memory(MemorySettings(kind=self.kind, **self.options | more), clock=lambda: self.now)

    def run(self, act: Callable[[Memory], Coroutine[Any, Any, None]], **more: Any) -> None:
        async def whole() -> None:
            memory = self.open(**more)
            try:
                await act(memory)
            finally:
                await memory.close()

        asyncio.run(whole())
