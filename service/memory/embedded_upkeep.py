"""Upkeep of the embedded memory in small steps that ride on puts: expired entries, free pages, the write-ahead log."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from service.memory.embedded_file import connect
from service.memory.port import MARGIN

EVERY = 16  # puts between two steps
_SELDOM = 64  # the same, where there has been nothing to do for a while
_ROWS = 64  # that a step looks at: one to four a put, so a whole round takes no more puts than there are entries
_FREE = 256  # pages that may lie free
_PAGES = 32  # that a step gives back to the disk
_PAGE = 4096  # bytes of a page
_PATIENCE = 0.1  # seconds that moving the log waits for a writer


class Sweep:
    """Walks over all entries in the order of their ids, which is that of the pages, and deletes the expired.

    An index by expiry would be quicker to ask and slower overall: each deletion would dirty a page of its own.
    The next step is due after `every` puts.
    """

    def __init__(self) -> None:
        self.every = EVERY
        self._after = b""

    def step(self, connection: sqlite3.Connection, now: int) -> None:
        """Look at the next entries, inside a transaction that writes. Raises `sqlite3.Error`."""
        before = now - MARGIN
        seen, last, oldest = connection.execute(
            "SELECT count(*), max(id), min(until) FROM"
            " (SELECT id, until FROM entries WHERE id > ? ORDER BY id LIMIT ?)",
            (self._after, _ROWS),
        ).fetchone()
        self.every = min(2 * self.every, _SELDOM)
        if seen and oldest < before:
            self.every = EVERY
            span = (self._after, last, before)
            connection.execute("DELETE FROM entries WHERE id > ? AND id <= ? AND until < ?", span)
            # What expired before this instant may be forgotten: should the clock step back, puts of it are refused.
            connection.execute("UPDATE about SET swept = max(swept, ?)", (before,))
        self._after = last if seen == _ROWS else b""
        _give_back(connection)


def _give_back(connection: sqlite3.Connection) -> None:
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    if free > _FREE:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        if free > pages // 4:
            connection.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()


def checkpoint(path: Path, limit: int) -> bool:
    """Move the log into the file; tell whether it begins anew with the next write, or is no longer than `limit`.

    Mostly called in a thread, since it waits for the disk, and puts need not.

    If the log is longer than `limit` (bytes), writers are held up for the moment that it takes to begin it anew.
    """
    with contextlib.suppress(sqlite3.Error), contextlib.closing(connect(path, _PATIENCE)) as connection:
        _, log, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if log * _PAGE <= limit:
            return True
        # Writers that never pause would let the log grow for ever; what is left to move is little by now.
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        return not busy
    return False
