"""A coroutine that is run at once (service/server/eager.py): without a task where it does not wait, else with one."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from service.server.eager import run_eagerly

VARIABLE: ContextVar[str] = ContextVar("variable", default="outside")
Act = Callable[[list[Any]], Awaitable[None]]


def run(*acts: Act, wait: float = 0.05) -> tuple[list[list[Any]], list["asyncio.Task[None] | None"]]:
    """Run each of `acts` eagerly in a callback of one loop; return what they have noted, and their tasks."""

    async def main() -> tuple[list[list[Any]], list["asyncio.Task[None] | None"]]:
        loop = asyncio.get_running_loop()
        notes: list[list[Any]] = [[] for _ in acts]
        tasks: list[asyncio.Task[None] | None] = []
        for act, noted in zip(acts, notes, strict=True):
            loop.call_soon(lambda a=act, n=noted: tasks.append(run_eagerly(a(n), loop)))  # type: ignore[misc]
        await asyncio.sleep(wait)
        return notes, tasks

    return asyncio.run(main())


def test_one_that_does_not_wait_needs_no_task() -> None:
    async def act(noted: list[Any]) -> None:
        noted.append("done")

    assert run(act) == ([["done"]], [None])


def test_one_that_waits_goes_on_in_a_task() -> None:
    async def act(noted: list[Any]) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        noted.append(asyncio.current_task())

    [noted], [task] = run(act)
    assert noted == [task]
    assert task is not None
    assert task.done()


def test_what_it_raises_at_once_is_raised_and_later_is_the_tasks() -> None:
    async def at_once(noted: list[Any]) -> None:
        raise KeyError("at once")

    async def later(noted: list[Any]) -> None:
        await asyncio.sleep(0)
        raise KeyError("later")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        raised: list[Exception] = []

        def call() -> None:
            with pytest.raises(KeyError, match="at once") as caught:
                run_eagerly(at_once([]), loop)
            raised.append(caught.value)

        loop.call_soon(call)
        await asyncio.sleep(0.01)
        assert len(raised) == 1

    asyncio.run(main())
    _, [task] = run(later)
    assert task is not None
    assert isinstance(task.exception(), KeyError)


@pytest.mark.parametrize("before", [0, 1], ids=["in the first step", "in the task"])
def test_a_timeout_works(before: int) -> None:
    async def act(noted: list[Any]) -> None:
        for _ in range(before):
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(10)
        except TimeoutError:
            noted.append("timeout")
        await asyncio.sleep(0)
        noted.append("on")

    [noted], [task] = run(act)
    assert noted == ["timeout", "on"]
    assert task is not None
    assert not task.cancelled()


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_timeout_that_is_over_when_it_begins(seconds: float) -> None:
    async def act(noted: list[Any]) -> None:
        try:
            async with asyncio.timeout(seconds):
                await asyncio.sleep(10)
        except TimeoutError:
            noted.append("timeout")

    assert run(act)[0] == [["timeout"]]


def test_cancelling_reaches_what_it_waits_for() -> None:
    async def act(noted: list[Any]) -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            noted.append("cancelled")
            raise

    async def main() -> list[Any]:
        loop, noted, tasks = asyncio.get_running_loop(), [], []
        loop.call_soon(lambda: tasks.append(run_eagerly(act(noted), loop)))
        await asyncio.sleep(0)
        tasks[0].cancel()  # before the task has taken its first step
        await asyncio.sleep(0.01)
        assert tasks[0].cancelled()
        return noted

    assert asyncio.run(main()) == ["cancelled"]


def test_each_has_a_context_of_its_own() -> None:
    async def act(noted: list[Any]) -> None:
        noted.append(VARIABLE.get())
        VARIABLE.set("inside")
        await asyncio.sleep(0)
        noted.append(VARIABLE.get())

    assert run(act, act)[0] == [["outside", "inside"], ["outside", "inside"]]


def test_task_groups_and_wait_for_work() -> None:
    async def act(noted: list[Any]) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0.001))
        noted.append(await asyncio.wait_for(asyncio.sleep(0.001, "waited"), 1))

    assert run(act)[0] == [["waited"]]
