"""Group commit for the embedded memory: what is asked in a turn of the event loop, or soon after, is one transaction.

A statement is cheap and the system calls around it are not: to look whether the file is there, to lock, to unlock. So
a batch runs in the first turn in which nobody joins it, or after a few.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

_PROBES = 3  # operations of every _ROUND that wait for company even where the last ones found none
_ROUND = 16
_TURNS = 3  # that a batch waits for company beyond the first
_RETRY = 0.0005  # seconds until a lock that another process holds is asked for again


class Put(NamedTuple):
    """What is to be put; `until` is in seconds since the epoch."""

    id: str
    value: bytes
    until: int
    rank: int
    use: str
    owners: Sequence[str]


class Operation(msgspec.Struct, eq=False):
    """One call of a verb: what it puts, or None; `ids` are what it reads, if it does.

    `contents` are identity and `since` that the caller was told of, if a file was open, and then those that
    answered.
    `deadline` is an instant of the monotonic clock (s), once it waits for a lock.
    """

    put: Put | None
    ids: Sequence[str] | None
    contents: tuple[str, int] | None
    future: asyncio.Future[Any]
    answer: Any = None
    deadline: float = 0.0

    def tell(self) -> None:
        """Give `answer` to the caller, unless it was cancelled."""
        if self.future.done():
            return
        if isinstance(self.answer, Exception):
            self.future.set_exception(self.answer)
        else:
            self.future.set_result(self.answer)


class Batch:
    """The operations that wait for the next turn, or for another process.

    `run` does operations together and gives back those that have to wait for a lock.
    """

    def __init__(self, run: Callable[[list[Operation]], list[Operation]]) -> None:
        self._run = run
        self._waiting: list[Operation] = []
        self._alone = 0  # operations since the last company
        self._loop: asyncio.AbstractEventLoop | None = None

    def future(self) -> asyncio.Future[Any]:
        """Give a future of the running loop."""
        # To look the loop up is a system call in Python 3.11 (getpid).
        if self._loop is None or not self._loop.is_running():
            self._loop = asyncio.get_running_loop()
            self._waiting = []  # of a loop that has ended
        return self._loop.create_future()

    def add(self, operation: Operation) -> None:
        """Do `operation` in one of the next turns, or at once where callers come one by one."""
        self._waiting.append(operation)
        if len(self._waiting) > 1:
            return
        if self._alone % _ROUND < _PROBES:
            loop = operation.future.get_loop()
            loop.call_soon(self._gather, loop, 1, _TURNS)
        else:
            self.flush()

    def _gather(self, loop: asyncio.AbstractEventLoop, seen: int, turns: int) -> None:
        """Wait on while there is more than was `seen`, for as many `turns` as are left."""
        if turns and len(self._waiting) > seen:
            loop.call_soon(self._gather, loop, len(self._waiting), turns - 1)
        else:
            self.flush()

    def flush(self) -> None:
        """Do what waits now."""
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        self._alone = self._alone + 1 if len(batch) == 1 else 0
        self._waiting = self._run(batch)
        if self._waiting:
            batch[0].future.get_loop().call_later(_RETRY, self.flush)

    def end(self, refusal: Exception) -> None:
        """Do what waits for company, and refuse what waits for another process."""
        self.flush()
        batch, self._waiting = self._waiting, []
        for operation in batch:
            operation.answer = refusal
            operation.tell()
