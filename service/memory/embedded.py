"""The memory of one host: a SQLite file that all its workers share.

Calls run on the event loop itself, since a put takes some 20 µs and a thread would cost more; those of a few turns
share a transaction. None of them ever waits there: a lock that another process holds is asked for again in a later
turn, and given up after `busy` seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

from service.memory.embedded_batch import Batch, Operation, Put
from service.memory.embedded_contents import Contents
from service.memory.embedded_file import MemoryFile, inode_of, is_busy, is_damage, is_full, open_file, set_aside
from service.memory.embedded_mark import make_durable
from service.memory.embedded_space import Space
from service.memory.embedded_times import ClockStepped
from service.memory.port import PROOF_LIFE, Entry, MemoryFull, MemoryStatus, MemoryUnavailable, check_begun
from service.memory.quota import RESERVED, Quotas

_PAUSE = 1.0  # seconds without waiting for a lock, after waiting was in vain
_LOOK = 0.05  # seconds after which whoever does not write looks again whether the file is still there
_REPLACED = "the memory was replaced by another"

_forks = 0


def _forked() -> None:
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_forked)


class EmbeddedMemory:
    """Opened at its first use, which must come after the fork; to be used by one thread.

    `busy` is in seconds; `clock` gives seconds since the epoch.
    """

    name = "embedded"

    def __init__(
        self,
        path: str,
        *,
        busy: float,
        quotas: Quotas,
        clock: Callable[[], int],
        create: bool = True,
        proof_life: int = PROOF_LIFE,
    ) -> None:
        self._path = Path(path).absolute()
        self._name = str(self._path)
        self._busy = busy
        self._clock = clock
        self._create = create
        self._proof_life = proof_life
        self._contents = Contents(quotas, clock)
        self._space = Space(self._path, self._contents)
        self._batch = Batch(self._run)
        self._file: MemoryFile | None = None
        self._born = 0
        self._looked = 0.0
        self._impatient_until = 0.0

    @property
    def identity(self) -> str:
        """The stable name of these contents. Raises `MemoryUnavailable`."""
        file = self._timely()
        check_begun(file.times.since, self._clock())
        return file.identity

    def since(self, ids: Sequence[str] = ()) -> int:
        """Give the instant (s) from which it has forgotten nothing. Raises `MemoryUnavailable`."""
        return self._timely().times.since

    async def put(
        self, id: str, value: bytes, until: int, rank: int = 0, *, use: str = "", owners: Sequence[str] = ()
    ) -> Entry:
        """Write, unless a rank as high stands; give what stands. Raises `MemoryUnavailable`, `MemoryFull`."""
        stands: Entry = await self._ask(Put(id, value, until, rank, use, tuple(owners)))
        return stands

    async def get_many(self, ids: Sequence[str]) -> list[Entry | None]:
        """Read all. Raises `MemoryUnavailable`."""
        values: list[Entry | None] = await self._ask(None, ids)
        return values

    async def put_and_get(
        self,
        id: str,
        value: bytes,
        until: int,
        ids: Sequence[str],
        rank: int = 0,
        *,
        use: str = "",
        owners: Sequence[str] = (),
    ) -> tuple[Entry, list[Entry | None]]:
        """Write and read in one transaction. Raises `MemoryUnavailable`, `MemoryFull`."""
        stands, values = await self._ask(Put(id, value, until, rank, use, tuple(owners)), ids)
        return stands, values

    async def ready(self) -> MemoryStatus:
        """Contact the file and describe it. Raises `MemoryUnavailable`, `MemoryRefused`."""
        await self._ask(None, ())
        file = self._opened()
        try:
            entries = self._contents.entries(file.connection)
        except sqlite3.Error as error:
            raise MemoryUnavailable(f"{self._name}: {error}") from error
        return MemoryStatus(self.name, file.identity, file.times.since, entries, self._name, file.times.proofs)

    async def close(self) -> None:
        """Close the file."""
        self._batch.end(MemoryUnavailable("the memory was closed"))
        await asyncio.sleep(0)  # those who were told must find it as it was
        await self._space.close()
        self._forget()

    def _timely(self) -> MemoryFile:
        file = self._opened(look=False)
        try:
            file.times.check(self._clock(), read=False)
        except ClockStepped:
            self._settle_time([], file)
        return file

    def _opened(self, look: bool = True) -> MemoryFile:
        if self._file is not None and self._born != _forks:
            raise RuntimeError("the memory was opened before the fork")
        try:
            if self._file is not None:
                now = time.monotonic()
                if not look and now < self._looked + _LOOK:
                    return self._file
                if inode_of(self._name) == self._file.inode:
                    self._looked = now
                    return self._file
        except OSError as error:
            structlog.get_logger().error("memory file gone", file=self._name, reason=error.strerror)
        # Writing on to a file that lost its name would hide every put from the other workers.
        self._forget()
        patient = time.monotonic() >= self._impatient_until
        try:
            self._file = open_file(self._path, self._busy if patient else 0, self._clock, self._create)
        except (MemoryUnavailable, sqlite3.Error, OSError) as error:
            self._impatient_until = time.monotonic() + _PAUSE
            if isinstance(error, MemoryUnavailable):
                raise
            raise MemoryUnavailable(f"{self._name}: {error}") from error
        self._born = _forks
        return self._file

    def _forget(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            self._contents.forget()
            file.close()

    async def _ask(self, put: Put | None, ids: Sequence[str] | None = None) -> Any:
        contents = None if self._file is None else self._file.contents
        future = self._batch.future()
        operation = Operation(put, ids, contents, future)
        self._batch.add(operation)
        answer = await future
        if put is not None and put.use in RESERVED:  # it outlives a power cut once it is answered
            await self._durable()
        # The caller may go on to ask for `identity`, a turn after the transaction.
        if self._file is None or self._file.contents != operation.contents:
            raise MemoryUnavailable(_REPLACED)
        return answer

    async def _durable(self) -> None:
        """Wait until all that was written is on the disk, in a thread. Raises `MemoryUnavailable`."""
        try:
            await asyncio.get_running_loop().run_in_executor(None, make_durable, self._path)
        except OSError as error:
            raise MemoryUnavailable(f"{self._name}: {error}") from None

    def _run(self, batch: list[Operation], again: bool = False) -> list[Operation]:
        """Do all in one transaction, and tell the callers; give those that wait for a lock of another process.

        `again`: room was made for it on a full disk.
        """
        file = None
        writes = [operation for operation in batch if operation.put is not None]
        try:
            file = self._opened(look=bool(writes))
            if writes and not self._space.is_open(file):
                batch, writes = self._reserved(batch)
                if not batch:
                    return []
            self._contents.transact(file.connection, self._current(batch, file), file.times)
        except ClockStepped:
            self._settle_time(batch, file)
        except Exception as error:
            if is_busy(error):
                if 0 < len(writes) < len(batch):
                    # Who only reads does not need the lock that the others wait for.
                    return self._run([each for each in batch if each.put is None]) + self._patient(writes)
                return self._patient(batch)
            if len(batch) > 1:
                # Nothing of it was done; so each of them fails, or succeeds, by itself.
                return [late for operation in batch for late in self._run([operation])]
            if is_full(error) and file is not None and not again:
                self._space.relieve(file.room, reserved=batch[0].put is not None and batch[0].put.use in RESERVED)
                return self._run(batch, again=True)
            batch[0].answer = self._fault(error, file, batch[0].put)
        else:
            if writes:
                self._impatient_until = 0.0
                self._space.written(file.room)
        for operation in batch:
            operation.tell()
        return []

    def _current(self, batch: list[Operation], file: MemoryFile) -> list[Operation]:
        """Refuse those whose callers were told of other contents by `identity` or `since` when they asked."""
        current = []
        for operation in batch:
            if operation.contents is None or operation.contents == file.contents:
                operation.contents = file.contents
                current.append(operation)
            else:
                operation.answer = MemoryUnavailable(_REPLACED)
        return current

    def _settle_time(self, batch: list[Operation], file: MemoryFile | None) -> None:
        """Begin a new `since` where the clock stepped back, and refuse all, for they were asked before that."""
        if file is not None:
            with contextlib.suppress(sqlite3.Error):  # a lock, for example: the next call tries again
                file.times.settle(self._clock(), self._proof_life)
        for operation in batch:
            operation.answer = MemoryUnavailable("a clock stepped: what was issued before is refused", retry_after=2)

    def _patient(self, batch: list[Operation]) -> list[Operation]:
        """Give those that may wait on; refuse the others."""
        now = time.monotonic()
        patience = self._busy if now >= self._impatient_until else 0
        waiting = []
        for operation in batch:
            operation.deadline = operation.deadline or now + patience
            if now < operation.deadline:
                waiting.append(operation)
            else:
                self._impatient_until = now + _PAUSE
                operation.answer = MemoryUnavailable("another process holds the write lock")
                operation.tell()
        return waiting

    def _reserved(self, batch: list[Operation]) -> tuple[list[Operation], list[Operation]]:
        """Refuse what ordinary entries `batch` would put; give the rest, and what it writes."""
        rest = []
        for operation in batch:
            if operation.put is None or operation.put.use in RESERVED:
                rest.append(operation)
            else:
                operation.answer = MemoryFull(operation.put.use)
                operation.tell()
        return rest, [operation for operation in rest if operation.put is not None]

    def _fault(self, error: Exception, file: MemoryFile | None, put: Put | None) -> Exception:
        if file is None or not isinstance(error, sqlite3.Error):
            return error
        if is_full(error):
            return MemoryFull("" if put is None else put.use)
        if is_damage(error):
            self._forget()
            try:
                set_aside(self._path, file.inode, self._busy, self._clock, str(error))
            except MemoryUnavailable as failed:
                return failed
            except OSError as failed:
                return MemoryUnavailable(f"{self._name}: damaged, and cannot be set aside: {failed}")
        return MemoryUnavailable(f"{self._name}: {error}")
