"""Opening the memory when a worker starts, and closing it when it ends."""

from typing import Any

import structlog

from service.memory import MemoryRefused, MemoryUnavailable
from service.web.runtime import Runtime

log = structlog.get_logger("satchel")


class MemoryWatch:
    """Falcon middleware for the two ends of the application's life."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def process_startup(self, scope: dict[str, Any], event: dict[str, Any]) -> None:
        """Contact the memory, so that no first request pays for it; one that is not there yet may come later.

        Raises:
            MemoryRefused: it is set up so that it would forget what is alive.
        """
        try:
            status = await self._runtime.context.memory.ready()
            log.info("memory", name=status.name, identity=status.identity, since=status.since)
        except MemoryRefused:
            raise
        except MemoryUnavailable as fault:
            log.error("the memory is unreachable", fault=str(fault))

    async def process_shutdown(self, scope: dict[str, Any], event: dict[str, Any]) -> None:
        """Let go of it."""
        await self._runtime.context.memory.close()
