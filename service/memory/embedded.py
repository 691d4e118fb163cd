"""The memory of one host: a SQLite file that all its workers share.

Calls run on the event loop itself, since a put takes some 20 µs and a thread would cost more. None of them ever waits
there: a lock that another process holds is asked for again after an `asyncio.sleep`, and given up after `busy` seconds.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import structlog

from service.memory.digest import digest
from service.memory.embedded_file import MemoryFile, inode_of, is_damage, open_file, set_aside
from service.memory.embedded_upkeep import EVERY, Sweep, checkpoint
from service.memory.port import MemoryFull, MemoryStatus, MemoryUnavailable

T = TypeVar("T")

# A thousand entries of a class are counted one by one; beyond, every 16th id counts for 16, which costs 5 µs less.
_PUT = """INSERT INTO entries SELECT ?1, ?2, ?3, ?4, iif(already < 1000, 1, ?5)
FROM (SELECT coalesce((SELECT entries FROM classes WHERE use = ?4), 0) AS already)
WHERE already < ?6 AND ?3 >= (SELECT swept FROM about)
ON CONFLICT DO NOTHING"""
_GET = "SELECT value FROM entries WHERE id = ?"
_RAISE = """INSERT INTO entries VALUES (?, ?, ?, 'raised', 1)
ON CONFLICT DO UPDATE SET value = max(value, excluded.value), until = max(until, excluded.until) RETURNING value"""
_PAUSE = 1.0  # seconds without waiting for a lock, after waiting was in vain
_CHECKPOINT = 1000  # writes between two checkpoints
_KNOWN = 10_000  # entries that are remembered as read
_LOOK = 0.05  # seconds after which whoever does not write looks again whether the file is still there


_forks = 0


def _forked() -> None:
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_forked)


class EmbeddedMemory:
    """Opened at its first use, which must come after the fork; to be used by one thread.

    `busy` is in seconds; `quotas` and `max_entries` are counts of entries; `clock` gives seconds since the epoch.
    """

    name = "embedded"

    def __init__(
        self,
        path: str,
        *,
        busy: float,
        max_entries: int,
        quotas: Mapping[str, int],
        clock: Callable[[], int],
    ) -> None:
        self._path = Path(path).absolute()
        self._busy = busy
        self._max_entries = max_entries
        self._quotas = quotas
        self._clock = clock
        self._file: MemoryFile | None = None
        self._born = 0
        self._sweep = Sweep()
        self._known: dict[str, bytes | None] = {}
        self._version: tuple[int] | None = None
        self._looked = 0.0
        self._writes = 0
        self._impatient_until = 0.0
        self._checkpoint: asyncio.Future[None] | None = None

    @property
    def identity(self) -> str:
        """The stable name of these contents. Raises `MemoryUnavailable`."""
        return self._opened(look=False).identity

    def since(self, ids: Sequence[str] = ()) -> int:
        """Give the instant (s) from which it has forgotten nothing. Raises `MemoryUnavailable`."""
        return self._opened(look=False).since

    async def put(self, id: str, value: bytes, until: int, *, use: str = "") -> bytes:
        """Write once; give the value that stands. Raises `MemoryUnavailable`, `MemoryFull`."""
        key = digest(id)
        row = (key, value, until, use, 0 if key[0] & 15 else 16, self._quotas.get(use, self._max_entries))
        swept = False

        def attempt(connection: sqlite3.Connection) -> bytes:
            nonlocal swept
            if self._writes % EVERY == 0:
                self._swept(connection)
            while True:
                if connection.execute(_PUT, row).rowcount == 1:
                    return value
                stands: tuple[bytes] | None = connection.execute(_GET, (key,)).fetchone()
                if stands is not None:
                    return stands[0]
                if until < connection.execute("SELECT swept FROM about").fetchone()[0]:
                    raise MemoryUnavailable("the clock stepped back behind what was already forgotten", retry_after=30)
                if swept:
                    raise MemoryFull(use)
                # Full, perhaps of what has expired: make room first.
                swept = self._swept(connection)

        self._writes += 1
        self._known.clear()  # data_version tells of the writes of others alone
        return await self._ask(attempt, use)

    async def get_many(self, ids: Sequence[str]) -> list[bytes | None]:
        """Read all. Raises `MemoryUnavailable`.

        What was read stays known until somebody writes: to learn that nobody has costs a third of a query.
        """
        known = self._known

        def attempt(connection: sqlite3.Connection) -> list[bytes | None]:
            version = connection.execute("PRAGMA data_version").fetchone()
            if version != self._version or len(known) > _KNOWN:
                known.clear()
                self._version = version
            missing = [id for id in ids if id not in known]
            if missing:
                keys = [digest(id) for id in missing]
                marks = ",".join("?" * len(keys))
                query = f"SELECT id, value FROM entries WHERE id IN ({marks})"  # noqa: S608 - question marks only
                found = dict(connection.execute(query, keys).fetchall())
                for id, key in zip(missing, keys, strict=True):
                    value = found.get(key)
                    known[id] = b"%d" % value if isinstance(value, int) else value
            return [known[id] for id in ids]

        return await self._ask(attempt)

    async def raise_to(self, id: str, instant: int, until: int) -> int:
        """Keep and give the maximum. Raises `MemoryUnavailable`, `MemoryFull` (of a full disk)."""
        row = (digest(id), instant, until)
        self._writes += 1
        self._known.clear()
        return await self._ask(lambda connection: int(connection.execute(_RAISE, row).fetchall()[0][0]), "raised")

    async def ready(self) -> MemoryStatus:
        """Contact the file and describe it. Raises `MemoryUnavailable`, `MemoryRefused`."""
        count = "SELECT coalesce(sum(entries), 0) FROM classes"
        entries = await self._ask(lambda connection: int(connection.execute(count).fetchone()[0]))
        file = self._opened()
        return MemoryStatus(self.name, file.identity, file.since, entries, str(self._path))

    async def close(self) -> None:
        """Close the file."""
        if self._checkpoint is not None:
            await self._checkpoint
        self._forget()

    def _opened(self, look: bool = True) -> MemoryFile:
        if self._file is not None and self._born != _forks:
            raise RuntimeError("the memory was opened before the fork")
        try:
            if self._file is not None:
                now = time.monotonic()
                if not look and now < self._looked + _LOOK:
                    return self._file
                if inode_of(self._path) == self._file.inode:
                    self._looked = now
                    return self._file
        except OSError as error:
            structlog.get_logger().error("memory file gone", file=str(self._path), reason=error.strerror)
        # Writing on to a file that lost its name would hide every put from the other workers.
        self._forget()
        patient = time.monotonic() >= self._impatient_until
        try:
            self._file = open_file(self._path, self._busy if patient else 0, self._clock)
        except (MemoryUnavailable, sqlite3.Error, OSError) as error:
            self._impatient_until = time.monotonic() + _PAUSE
            if isinstance(error, MemoryUnavailable):
                raise
            raise MemoryUnavailable(f"{self._path}: {error}") from error
        self._born = _forks
        return self._file

    def _forget(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            self._known.clear()
            file.connection.close()

    async def _ask(self, attempt: Callable[[sqlite3.Connection], T], use: str | None = None) -> T:
        known = self._file
        deadline = None
        while True:
            file = self._opened(look=use is not None)
            if known is not None and known.identity != file.identity:
                raise MemoryUnavailable("the memory was replaced by another")
            try:
                answer = attempt(file.connection)
                break
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise self._fault(error, file, use) from error
            now = time.monotonic()
            if deadline is None:
                deadline = now + self._busy if now >= self._impatient_until else now
            if now >= deadline:
                self._impatient_until = now + _PAUSE
                raise MemoryUnavailable("another process holds the write lock")
            await asyncio.sleep(0.0005)
        if use is not None:
            self._impatient_until = 0.0
        if self._writes >= _CHECKPOINT and (self._checkpoint is None or self._checkpoint.done()):
            self._writes = 0
            self._checkpoint = asyncio.get_running_loop().run_in_executor(None, checkpoint, self._path)
        return answer

    def _swept(self, connection: sqlite3.Connection) -> bool:
        try:
            self._sweep.step(connection, self._clock())
        except sqlite3.OperationalError as error:
            # Another process is writing. What expired can wait; a put cannot.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        return True

    def _fault(self, error: sqlite3.Error, file: MemoryFile, use: str | None) -> Exception:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            return MemoryFull(use or "")
        if is_damage(error):
            self._forget()
            try:
                set_aside(self._path, file.inode, self._busy, self._clock, str(error))
            except OSError as failed:
                return MemoryUnavailable(f"{self._path}: damaged, and cannot be set aside: {failed}")
        return MemoryUnavailable(f"{self._path}: {error}")
