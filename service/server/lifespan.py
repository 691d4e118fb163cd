"""The lifespan of an ASGI application (ASGI Lifespan 2.0): started before the first request, stopped after the last."""

import asyncio
from typing import Any


class LifespanError(Exception):
    """The application could not start, or could not stop."""


class Lifespan:
    """One application's lifespan; `state` is what it hands on to its requests."""

    def __init__(self, application: Any) -> None:
        self.state: dict[str, Any] = {}
        self._application = application
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Start the application.

        Raises:
            LifespanError: it says that it cannot.
            Exception: what the application raises.
        """
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        self._task = asyncio.create_task(self._application(scope, self._events.get, self._answers.put))
        await self._step("startup", self._task)

    async def shutdown(self) -> None:
        """Stop the application.

        Raises:
            LifespanError, Exception
        """
        if self._task is not None and not self._task.done():
            await self._step("shutdown", self._task)
            await self._task

    async def _step(self, name: str, task: asyncio.Task[None]) -> None:
        await self._events.put({"type": f"lifespan.{name}"})
        answer = asyncio.create_task(self._answers.get())
        await asyncio.wait([answer, task], return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            await task  # raises what the application has raised
            raise LifespanError(f"the application ended at its {name}")
        if answer.result()["type"] != f"lifespan.{name}.complete":
            raise LifespanError(answer.result().get("message") or f"the {name} failed")
