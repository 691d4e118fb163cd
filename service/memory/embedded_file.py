"""The file of the embedded memory: made whole, shared by every process of the host, set aside when damaged."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import structlog

from service.memory.embedded_mark import Mark, log_of, loss, mark_closed, mark_open
from service.memory.embedded_room import Room
from service.memory.embedded_times import Times
from service.memory.port import MemoryRefused, MemoryUnavailable

# The version is raised where entries move, since a memory that looks elsewhere has forgotten all.
_SCHEMA = """
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA user_version = 1;
CREATE TABLE entries (id BLOB PRIMARY KEY, rank INTEGER NOT NULL, value BLOB NOT NULL, until INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE about (
    identity TEXT NOT NULL, since INTEGER NOT NULL, swept INTEGER NOT NULL,
    boot TEXT NOT NULL, inode INTEGER NOT NULL, log INTEGER NOT NULL, proofs INTEGER NOT NULL
);
"""
_PAGE = 4096  # bytes of a page
_LAST_WAIT = 5.0  # seconds that whoever closes the file waits for others that open or close it
_PARTS = ("-wal", "-shm", "-journal")


class MemoryFile:
    """An open file, and what it says of itself. It is closed at the end of the process at the latest."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        inode: tuple[int, int],
        identity: str,
        since: int,
        users: int,
        room: Room,
    ) -> None:
        self.connection = connection
        self.inode = inode
        self.identity = identity
        self.room = room
        self.times = Times(connection, since)
        self.close = weakref.finalize(self, _close, path, connection, inode, users, os.getpid())

    @property
    def contents(self) -> tuple[str, int]:
        """What tells these contents from others: identity and `since`."""
        return self.identity, self.times.since


def open_file(path: Path, wait: float, clock: Callable[[], int], create: bool = True) -> MemoryFile:
    """Open the file; make it if there is none; if it is damaged, set it aside and begin another.

    Without `create`, a file that is missing or damaged is refused. `wait` is the longest wait (s) for other processes.
    Raises `MemoryUnavailable`, `MemoryRefused`, `OSError` and
    `sqlite3.Error`.
    """
    for _ in range(3):
        with contextlib.suppress(FileNotFoundError):
            inode = inode_of(path)
            try:
                return _connect(path, inode, wait, clock)
            except sqlite3.DatabaseError as error:
                if not create or not is_damage(error):
                    raise
                set_aside(path, inode, wait, clock, str(error))
        if not create:
            raise MemoryRefused(
                f"{path}: there is no memory. SATCHEL_STATE or memory.path must be that of the service, which makes the"
                " file at its first start"
            )
        _create(path, wait, clock)
    raise MemoryUnavailable("the memory file keeps changing")


def inode_of(path: Path | str) -> tuple[int, int]:
    """Tell one file from another that took its name. Raises `FileNotFoundError`."""
    found = os.stat(path)  # noqa: PTH116 - on the path of every put, where pathlib costs twice as much
    return found.st_dev, found.st_ino


def is_busy(error: Exception) -> bool:
    """Tell that another process holds the lock that was asked for."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_full(error: Exception) -> bool:
    """Tell that there is no room left on the disk."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def is_damage(error: sqlite3.Error) -> bool:
    """Tell a file that is not, or no longer, ours from other trouble."""
    code = getattr(error, "sqlite_errorcode", 0)
    missing_table = code == sqlite3.SQLITE_ERROR and "no such" in str(error)
    return (
        missing_table
        or code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        or code == sqlite3.SQLITE_IOERR_SHORT_READ
    )


def connect(path: Path, wait: float) -> sqlite3.Connection:
    """Connect to a file that exists, for use in the calling thread."""
    address = f"file:{quote(str(path))}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=wait, isolation_level=None)


def _connect(path: Path, inode: tuple[int, int], wait: float, clock: Callable[[], int]) -> MemoryFile:
    with _alone(path, wait):
        # Each process that has the file open holds this lock with others, and the kernel drops it with the process.
        users = os.open(f"{path}.open", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            file = _begin(path, inode, wait, clock, users, first=_locked(users, fcntl.LOCK_EX))
            fcntl.flock(users, fcntl.LOCK_SH)
        except BaseException:
            os.close(users)
            raise
    return file


def _begin(
    path: Path, inode: tuple[int, int], wait: float, clock: Callable[[], int], users: int, *, first: bool
) -> MemoryFile:
    log = log_of(path)
    connection = connect(path, wait)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        room = Room(path)
        # A log that begins anew is cut to this size, so a size beyond it tells how long the log is.
        connection.execute(f"PRAGMA journal_size_limit = {room.log_early // 2}")
        # A put moves the log by itself, should the thread never come round to it.
        connection.execute(f"PRAGMA wal_autocheckpoint = {room.log_limit // _PAGE}")
        row = connection.execute("SELECT identity, since, boot, inode, log FROM about").fetchone()
        if row is None:
            raise MemoryRefused(f"{path} is not a memory")
        if connection.execute("PRAGMA user_version").fetchone() != (1,):
            other = sqlite3.DatabaseError("of another format")
            other.sqlite_errorcode = sqlite3.SQLITE_NOTADB
            raise other
        if inode_of(path) != inode:
            raise FileNotFoundError(path)
        identity, since, *mark = row
        if first:
            lost = loss(Mark(*mark), inode[1], log)
            if lost:
                since = max(since, clock()) + 1  # what was issued in this second may be used already
                structlog.get_logger().error("memory incomplete", file=str(path), reason=lost, since=since)
            try:
                mark_open(connection, path, inode[1], since)
            except sqlite3.OperationalError as error:
                if not is_full(error) or not room.give_up():
                    raise
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                mark_open(connection, path, inode[1], since)
        connection.execute("PRAGMA busy_timeout = 0")
    except BaseException:
        connection.close()
        raise
    return MemoryFile(path, connection, inode, identity, since, users, room)


def _close(path: Path, connection: sqlite3.Connection, inode: tuple[int, int], users: int, process: int) -> None:
    if os.getpid() != process:  # a child that was forked off
        return
    with contextlib.suppress(sqlite3.Error, OSError, MemoryUnavailable), _alone(path, _LAST_WAIT):
        if inode_of(path) == inode and _locked(users, fcntl.LOCK_EX):
            connection.execute("PRAGMA busy_timeout = 1000")
            mark_closed(connection)
        connection.close()
    with contextlib.suppress(sqlite3.Error):
        connection.close()
    os.close(users)


def _locked(file: int, kind: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, kind | fcntl.LOCK_NB)
        return True
    return False


def _create(path: Path, wait: float, clock: Callable[[], int]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_mode & 0o002:
        raise MemoryRefused(f"{path.parent} may be written by anyone: chmod 700")
    with _alone(path, wait):
        if path.exists():
            return
        # A log without its file is what an interrupted setting aside leaves; a new file would replay it.
        for part in _PARTS:
            Path(f"{path}{part}").unlink(missing_ok=True)
        new = Path(f"{path}.new")
        for part in ("", *_PARTS):
            Path(f"{new}{part}").unlink(missing_ok=True)
        new.touch(mode=0o600)
        with contextlib.closing(connect(new, wait)) as connection:
            connection.executescript(_SCHEMA)
            identity, since = secrets.token_hex(8), clock()
            about = (identity, since, new.stat().st_ino)
            connection.execute("INSERT INTO about VALUES (?, ?, 0, '', ?, 0, 0)", about)
        new.rename(path)
    structlog.get_logger().debug("memory begun", file=str(path), identity=identity, since=since)


def set_aside(path: Path, inode: tuple[int, int], wait: float, clock: Callable[[], int], reason: str) -> None:
    """Rename the damaged file, once, however many processes find it damaged. Raises `MemoryUnavailable`, `OSError`."""
    with _alone(path, wait), contextlib.suppress(FileNotFoundError):
        if inode_of(path) != inode:
            return
        aside = Path(f"{path}.damaged-{clock()}-{secrets.token_hex(2)}")
        path.rename(aside)
        for part in _PARTS:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{path}{part}").rename(f"{aside}{part}")
        structlog.get_logger().error("memory damaged, set aside", file=str(path), kept_as=str(aside), reason=reason)


@contextlib.contextmanager
def _alone(path: Path, wait: float) -> Iterator[None]:
    deadline = time.monotonic() + wait
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _locked(lock, fcntl.LOCK_EX):
            if time.monotonic() >= deadline:
                raise MemoryUnavailable("another process is opening or replacing the memory file")
            time.sleep(0.005)
        yield
    finally:
        os.close(lock)
