"""A hook's faults stay its own: time, threads, exceptions of every sort, and answers of the wrong type."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

import pytest

from service.config.tables import Hooks
from service.hooks.guard import Guard, Hook
from service.protocol.errors import OAuthError
from service.web.events import configure_events
from tests.worlds.demo import ROOT


@pytest.fixture
def lines() -> list[bytes]:
    written: list[bytes] = []
    configure_events("info", written.append)
    return written


def hook(function: Callable[..., Any], *kinds: type, **limits: Any) -> Hook:
    return Hook(Guard(Hooks(**{"timeout": 0.2, **limits})), "acme:hook", function, *(kinds or (str,)))


def asked(function: Callable[..., Any], *arguments: Any, **limits: Any) -> Any:
    return asyncio.run(hook(function, **limits)(*arguments))  # type: ignore[arg-type]


def refused(call: Coroutine[Any, Any, Any]) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        asyncio.run(call)
    return caught.value


def fault(lines: list[bytes], error: OAuthError) -> str:
    """The fault in the log; the client is told nothing of it."""
    assert (error.code, error.description) == (
        "server_error",
        "internal error",
    )
    line = json.loads(lines[-1])
    assert (line["event"], line["hook"]) == ("hook failed", "acme:hook")
    assert b"hush" not in b"".join(lines)
    return str(line["fault"])


async def greeting(name: str) -> str:
    return f"hello {name}"


class Callee:
    async def __call__(self, name: str) -> str:
        return f"hello {name}"


@pytest.mark.parametrize("function", [greeting, Callee(), lambda name: f"hello {name}"])
def test_an_answer(function: Callable[..., Any]) -> None:
    assert asked(function, "alice") == "hello alice"


def test_sync_hooks_leave_the_loop_alone() -> None:
    assert asked(lambda: threading.current_thread().name) == "hook"

    async def both() -> float:
        started = time.monotonic()
        slow = hook(lambda: time.sleep(0.3) or "late", timeout=5.0)  # type: ignore[func-returns-value]
        task = asyncio.create_task(slow())
        await asyncio.sleep(0.01)
        free = time.monotonic() - started
        assert await task == "late"
        return free

    assert asyncio.run(both()) < 0.25


def raising(fault: BaseException) -> list[Callable[[], Any]]:
    async def asynchronous() -> NoReturn:
        raise fault

    def synchronous() -> NoReturn:
        raise fault

    return [asynchronous, synchronous]


@pytest.mark.parametrize("sort", [0, 1])
@pytest.mark.parametrize(
    "raised",
    [KeyError("hush"), TimeoutError("hush"), SystemExit("hush"), asyncio.CancelledError("hush"), StopIteration("hush")],
)
def test_what_it_raises_is_logged_by_class(lines: list[bytes], raised: BaseException, sort: int) -> None:
    named = fault(lines, refused(hook(raising(raised)[sort])()))
    # A coroutine cannot raise StopIteration: Python makes it another (PEP 479).
    assert named == ("RuntimeError" if isinstance(raised, StopIteration) and sort == 0 else type(raised).__name__)


@pytest.mark.parametrize("sort", [0, 1])
def test_it_may_refuse(lines: list[bytes], sort: int) -> None:
    error = OAuthError("access_denied", "not today")
    assert refused(hook(raising(error)[sort])()) is error
    assert lines == []


@pytest.mark.parametrize("answer", [None, 7, b"text", ["text"]])
def test_nonsense(lines: list[bytes], answer: Any) -> None:
    assert fault(lines, refused(hook(lambda: answer)())) == f"returned {type(answer).__name__}"


def test_a_sync_hook_that_answers_a_coroutine(lines: list[bytes]) -> None:
    assert fault(lines, refused(hook(lambda: greeting("alice"))())) == "returned coroutine"


async def sleeps() -> None:
    await asyncio.sleep(60)


async def ignores_everything() -> None:
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        try:
            await asyncio.sleep(0.5)
        except asyncio.CancelledError:
            continue


@pytest.mark.parametrize("function", [sleeps, ignores_everything, lambda: time.sleep(2)])
def test_one_that_takes_too_long(lines: list[bytes], function: Callable[..., Any]) -> None:
    async def timed() -> float:
        started = time.monotonic()
        with pytest.raises(OAuthError) as caught:
            await hook(function)()
        took = time.monotonic() - started
        assert fault(lines, caught.value) == "took longer than 0.2 s"
        return took

    assert asyncio.run(timed()) < 1.5


def test_a_late_async_hook_is_told_to_stop() -> None:
    stopped: list[bool] = []

    async def tells() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.append(True)
            raise

    async def run() -> None:
        with pytest.raises(OAuthError):
            await hook(tells)()
        await asyncio.sleep(0)
        assert stopped == [True]

    asyncio.run(run())


def test_whoever_leaves_takes_it_along() -> None:
    stopped = asyncio.Event()

    async def tells() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    async def run() -> None:
        call = asyncio.create_task(hook(tells, timeout=60.0)())
        await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(stopped.wait(), 1)

    asyncio.run(run())


def test_the_pool_is_bounded(lines: list[bytes]) -> None:
    """One thread and one place to wait: the third is refused at once, and all is well when the first is done."""
    gate = threading.Event()

    def waits() -> str:
        gate.wait(10)
        return "done"

    async def run() -> None:
        slow = hook(waits, timeout=10.0, threads=1, queue=1)
        first, second = asyncio.create_task(slow()), asyncio.create_task(slow())
        await asyncio.sleep(0.01)
        with pytest.raises(OAuthError) as caught:
            await slow()
        assert fault(lines, caught.value) == "no thread is free and the queue is full"
        gate.set()
        assert await first == await second == "done"
        await asyncio.sleep(0.05)
        assert await slow() == "done"

    asyncio.run(run())


def test_a_late_sync_hook_keeps_its_thread(lines: list[bytes]) -> None:
    gate = threading.Event()

    async def run() -> None:
        slow = hook(lambda: gate.wait(10) or "no", bool, threads=1, queue=0)
        with pytest.raises(OAuthError) as caught:
            await slow()
        assert fault(lines, caught.value) == "took longer than 0.2 s"
        with pytest.raises(OAuthError) as caught:
            await slow()
        assert fault(lines, caught.value) == "no thread is free and the queue is full"
        gate.set()
        await asyncio.sleep(0.05)
        assert await slow() is True

    asyncio.run(run())


def test_no_more_threads_than_configured() -> None:
    async def run() -> int:
        names = hook(lambda: time.sleep(0.02) or str(threading.get_ident()), threads=2, queue=10, timeout=5.0)  # type: ignore[func-returns-value]
        return len(set(await asyncio.gather(*[names() for _ in range(8)])))

    assert asyncio.run(run()) == 2


def test_a_hook_that_never_returns_does_not_keep_the_process() -> None:
    program = """
import asyncio, contextlib, threading
from service.config.tables import Hooks
from service.hooks.guard import Guard, Hook
from service.protocol.errors import OAuthError
async def run():
    with contextlib.suppress(OAuthError):
        await Hook(Guard(Hooks(timeout=0.1)), "acme:hook", threading.Event().wait, bool)()
asyncio.run(run())
print("over")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.splitlines()[-1], done.stderr) == (0, "over", "")
