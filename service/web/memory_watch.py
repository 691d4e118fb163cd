"""Opens the memory when a worker starts, and closes it when the worker ends."""

from typing import Any

import structlog

from service.memory import MemoryRefused, MemoryUnavailable
from service.web.runtime import Runtime

log = structlog.get_logger("satchel")


class MemoryWatch:
    """Falcon middleware that opens and closes the memory with the application."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def process_startup(self, scope: dict[str, Any], event: dict[str, Any]) -> None:
        """Connect to the memory, so that the first request need not. If it is unreachable, requests try again.

        Raises:
            MemoryRefused: the memory is configured in a way that would lose entries too early.
        """
        try:
            status = await self._runtime.context.memory.ready()
            log.info("memory connected", name=status.name, identity=status.identity, since=status.since)
        except MemoryRefused:
            raise
        except MemoryUnavailable as fault:
            log.error("memory is unreachable", fault=str(fault))

    async def process_shutdown(self, scope: dict[str, Any], event: dict[str, Any]) -> None:
        """Close the memory."""
        await self._runtime.context.memory.close()
