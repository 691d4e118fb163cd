"""The threads of sync hooks, with a bounded number of threads and of waiting calls."""

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import BoundedSemaphore, Thread
from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """The outcome of a hook: its result, or the exception that it raised."""

    answer: Any = None
    fault: BaseException | None = None


class PoolExhausted(Exception):
    """All threads are busy, and the queue is full."""


_Job = tuple[Future[Outcome], Callable[..., Any], tuple[Any, ...]]


class Pool:
    """At most `threads` threads, and at most `queue` calls that wait for a thread.

    Threads start when they are first needed, after the workers have forked. They are daemon threads, unlike those of
    an executor: a hook that never returns occupies its thread but does not prevent the process from stopping.
    """

    def __init__(self, threads: int, queue: int) -> None:
        self._places = BoundedSemaphore(threads + queue)
        self._missing = threads
        self._jobs: SimpleQueue[_Job] = SimpleQueue()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Outcome]:
        """Return the future of a call. Only the thread of the event loop may call this.

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
        except BaseException as fault:  # SystemExit in a hook is a failed hook too, and must not end the thread
            outcome = Outcome(fault=fault)
        future.set_result(outcome)
