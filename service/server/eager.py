"""Runs a coroutine at once, and makes a task of it only if it waits.

Most requests are answered without waiting for anything. A task for each of them (an object, two turns of the event
loop, a callback) would cost more than reading the request does. Python 3.12 has eager tasks for that; this serves 3.11.
"""

import asyncio
from asyncio.tasks import _enter_task, _leave_task  # for makers of tasks: docs.python.org/3/library/asyncio-extending
from collections.abc import Coroutine, Generator
from contextvars import copy_context
from typing import Any


def run_eagerly(coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> "asyncio.Task[None] | None":
    """Run `coroutine` up to where it waits, in a context of its own; return the task that goes on with it, if it waits.

    Called in a callback of `loop`, never inside a task.

    Raises:
        Exception: whatever `coroutine` raises before it waits.
    """
    context, stand_in = copy_context(), _StandIn()
    _enter_task(loop, stand_in)  # type: ignore[arg-type]
    try:
        waited = context.run(coroutine.send, None)
    except StopIteration:
        return None
    finally:
        _leave_task(loop, stand_in)  # type: ignore[arg-type]
    stand_in.task = task = loop.create_task(_Resumed(coroutine, waited), context=context)
    return task


class _StandIn:
    """What `asyncio.current_task()` gives before there is a task: `asyncio.timeout` cancels the task through this."""

    __slots__ = ("task",)

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None

    def cancel(self, msg: Any = None) -> bool:
        return self.task is not None and self.task.cancel(msg)

    def cancelling(self) -> int:
        return 0 if self.task is None else self.task.cancelling()

    def uncancel(self) -> int:
        return 0 if self.task is None else self.task.uncancel()

    def get_name(self) -> str:
        return "request" if self.task is None else self.task.get_name()

    def done(self) -> bool:
        return self.task is not None and self.task.done()


class _Resumed(Coroutine[Any, Any, None]):
    """A coroutine that has been started: what it `waited` for goes to the task first."""

    __slots__ = ("_begun", "_coroutine", "_waited")

    def __init__(self, coroutine: Coroutine[Any, Any, None], waited: Any) -> None:
        self._coroutine = coroutine
        self._waited = waited
        self._begun = False

    def send(self, value: Any) -> Any:
        if self._begun:
            return self._coroutine.send(value)
        self._begun, waited, self._waited = True, self._waited, None
        return waited

    def throw(self, *fault: Any) -> Any:
        self._begun, self._waited = True, None
        return self._coroutine.throw(*fault)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, None, None]:
        raise TypeError("only a task drives it")
