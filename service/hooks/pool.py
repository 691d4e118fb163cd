"""Threads for sync hooks: so many at work, so many that wait, and no more."""

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import BoundedSemaphore, Thread
from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """What came of a hook: its answer, or what it has raised."""

    answer: Any = None
    fault: BaseException | None = None


class PoolExhausted(Exception):
    """Every thread is at work, and the queue is full."""


_Job = tuple[Future[Outcome], Callable[..., Any], tuple[Any, ...]]


class Pool:
    """At most `threads` threads and `queue` calls that wait for one.

    The threads are made when they are first needed, after the fork of the workers. They are daemons: a hook that never
    returns keeps its thread, but cannot keep the process from stopping, as an executor's would.
    """

    def __init__(self, threads: int, queue: int) -> None:
        self._places = BoundedSemaphore(threads + queue)
        self._missing = threads
        self._jobs: SimpleQueue[_Job] = SimpleQueue()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Outcome]:
        """Return the future of a call; called from one thread, that of the event loop.

        Raises:
            PoolExhausted
        """
        if not self._places.acquire(blocking=False):
            raise PoolExhausted
        if self._missing:
            self._missing -= 1
            Thread(target=self._work, name="hook", daemon=True).start()
        future: Future[Outcome] = Future()
        self._jobs.put((future, function, arguments))
        return future

    def _work(self) -> None:
        while True:
            self._do(*self._jobs.get())
            self._places.release()

    def _do(self, future: Future[Outcome], function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            outcome = Outcome(function(*arguments))
        except BaseException as fault:  # one that is to end the thread, too, is but a failed hook
            outcome = Outcome(fault=fault)
        future.set_result(outcome)
