"""The mark in the file of the embedded memory that says: a process has it open.

A commit reaches the disk with the next checkpoint, not at once. A process that is killed loses nothing by that, because
the kernel keeps what was written; a power cut loses the last commits, and so does whoever deletes the log or restores
an old copy. The mark is durable in the file itself before anything is put. It names the boot of the kernel, the file
and its log, so the next process to open the file can tell whether anything may be lost.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from pathlib import Path
from typing import NamedTuple

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Mark(NamedTuple):
    """`boot` is empty in a file that was closed; `file` and `log` are inode numbers."""

    boot: str
    file: int
    log: int


def boot_id() -> str:
    """Return the name of this boot of the kernel. Where the kernel does not tell it, no boot equals another."""
    with contextlib.suppress(OSError):
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return secrets.token_hex(16)


def log_of(path: Path) -> int:
    """Return the inode number of the log of the file at `path`; 0 if there is none, or if it is empty."""
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(f"{path}-wal")  # noqa: PTH116
        return found.st_ino if found.st_size else 0
    return 0


def loss(mark: Mark, file: int, log: int) -> str:
    """Return why the contents may be incomplete; empty if they are whole. Only the first process to open may ask."""
    if mark.file != file:
        return "the file is a copy, and may be older than the original"
    if not mark.boot:
        return ""
    if mark.boot != boot_id():
        return "the host stopped while the file was open"
    if mark.log != log:
        return "the file was open when its processes ended, and its log is missing or another"
    return ""


def mark_open(connection: sqlite3.Connection, path: Path, file: int, since: int) -> None:
    """Write `since` and the mark into the file itself, not only into its log. Raises `sqlite3.Error`.

    The checkpoint makes the log durable before it moves it, and then the file.
    """
    log = os.stat(f"{path}-wal").st_ino  # noqa: PTH116
    row = (since, boot_id(), file, log)
    connection.execute("UPDATE about SET since = ?, boot = ?, inode = ?, log = ?", row)
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
    if busy:
        raise sqlite3.OperationalError("the mark cannot be moved into the file: another program reads it")


def mark_closed(connection: sqlite3.Connection) -> None:
    """Write that all is in the file, durably. Raises `sqlite3.Error`."""
    connection.execute("UPDATE about SET boot = ''")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def make_durable(path: Path) -> None:
    """Wait until the log of the file at `path` is on the disk, and with it every commit so far. Raises `OSError`.

    SQLite holds no lock on its log, so a descriptor of our own does no harm.
    """
    with contextlib.suppress(FileNotFoundError):  # without a log, all is in the file
        log = os.open(f"{path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(log)
        finally:
            os.close(log)
