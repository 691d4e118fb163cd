"""What the embedded memory does inside a transaction: put once, raise to the maximum, read, sweep."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from random import getrandbits

from service.memory.embedded_batch import Entry, Operation
from service.memory.embedded_upkeep import EVERY, Sweep
from service.memory.port import MemoryFull, MemoryUnavailable

# A thousand entries of a class are counted one by one; beyond, one in 16 counts for 16, which costs 5 µs less:
# by lot, since others may choose the id.
_EXACT = 1000
_PUT = f"""INSERT INTO entries SELECT ?1, ?2, ?3, ?4, iif(already < {_EXACT}, 1, ?5)
FROM (SELECT coalesce((SELECT entries FROM classes WHERE use = ?4), 0) AS already)
WHERE already < ?6 AND ?3 >= (SELECT swept FROM about)
ON CONFLICT DO NOTHING"""  # noqa: S608 - a constant
_ROOM = "SELECT coalesce((SELECT entries FROM classes WHERE use = ?), 0), swept FROM about"
_TOGETHER = 32  # entries that are put by one statement
_GET = "SELECT value FROM entries WHERE id = ?"
_RAISE = """INSERT INTO entries VALUES (?, ?, ?, 'raised', 1)
ON CONFLICT DO UPDATE SET value = max(value, excluded.value), until = max(until, excluded.until) RETURNING value"""
_STEPS = 2  # of the sweep for each turn in which the disk is full
_FREE = 64  # pages
_KNOWN = 10_000  # entries that are remembered as read
_BESIDE = (b"succ:", b"code:")


class Contents:
    """The entries as one worker sees them. `quotas` and `max_entries` are counts; `clock` gives whole seconds.

    What was read stays known until somebody else writes: to learn that nobody has costs a third of a query.
    """

    def __init__(self, max_entries: int, quotas: Mapping[str, int], clock: Callable[[], int]) -> None:
        self._max_entries = max_entries
        self._quotas = quotas
        self._clock = clock
        self._sweep = Sweep()
        self._puts = EVERY - 1  # since its last step
        self._known: dict[str, bytes | None] = {}
        self._version: tuple[int] | None = None

    def forget(self) -> None:
        """Know nothing any more: the file is another, or what was read may never have been committed."""
        self._known.clear()

    def transact(self, connection: sqlite3.Connection, batch: Sequence[Operation], writes: bool) -> None:
        """Set the answer of each operation. Raises `sqlite3.Error`, after which nothing of the batch was done.

        `writes` tells whether any of them writes. Reads come last, so that they know of what was revoked in their turn.
        """
        ids = {id for operation in batch for id in operation.ids or ()}
        if writes and (len(batch) > 1 or ids):  # one that comes alone is mostly a single statement, which needs none
            _begin(connection)
        elif not ids <= self._known.keys():
            connection.execute("BEGIN")
        try:
            if writes:
                self._put_all(connection, [(each, each.act) for each in batch if isinstance(each.act, Entry)])
            for operation in batch:
                if operation.use is not None and callable(operation.act):
                    operation.answer = operation.act(connection)
            if ids:
                self._learn(connection, ids)
            for operation in batch:
                if operation.use is None and callable(operation.act):
                    operation.answer = operation.act(connection)
                elif operation.ids is not None and not isinstance(operation.answer, Exception):
                    operation.answer = operation.answer, self.known(operation.ids)
            if connection.in_transaction:
                connection.execute("COMMIT")
        except BaseException:
            self.forget()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _put_all(self, connection: sqlite3.Connection, puts: Sequence[tuple[Operation, Entry]]) -> None:
        for _, entry in puts:
            self._known.pop(entry.id, None)  # data_version tells of the writes of others alone
        self._puts += len(puts)
        swept = self._puts >= self._sweep.every
        while self._puts >= self._sweep.every:
            self._puts -= self._sweep.every
            self._make_room(connection)
        together = len(puts) > 1 and self._entered(connection, puts)
        for operation, entry in puts:
            try:
                # Of those that were not all entered, some were: each finds its own value standing.
                operation.answer = entry.value if together else self._put(connection, entry, swept)
            except (MemoryFull, MemoryUnavailable) as refusal:
                operation.answer = refusal

    def _entered(self, connection: sqlite3.Connection, puts: Sequence[tuple[Operation, Entry]]) -> bool:
        """Enter all, in a transaction. Tell whether all were new, and there was room for them."""
        room: dict[str, tuple[int, int]] = {}
        rows: list[bytes | int | str] = []
        for _, (id, value, until, use) in puts:
            already, forgotten = room.get(use) or connection.execute(_ROOM, (use,)).fetchone()
            if already >= self._quotas.get(use, self._max_entries) or until < forgotten:
                return False
            weight = 1 if already < _EXACT else 0 if getrandbits(4) else 16
            room[use] = already + weight, forgotten
            rows += (_key(id), value, until, use, weight)
        return all(
            connection.execute(_insert(len(part) // 5), part).rowcount == len(part) // 5
            for part in (rows[n : n + 5 * _TOGETHER] for n in range(0, len(rows), 5 * _TOGETHER))
        )

    def _put(self, connection: sqlite3.Connection, entry: Entry, swept: bool) -> bytes:
        """Write once; give the value that stands. Raises `MemoryUnavailable`, `MemoryFull`, `sqlite3.Error`."""
        id, value, until, use = entry
        key = _key(id)
        row = (key, value, until, use, 0 if getrandbits(4) else 16, self._quotas.get(use, self._max_entries))
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
            # Full, perhaps of what has expired.
            self._make_room(connection)
            swept = True

    def sweep(self, connection: sqlite3.Connection) -> None:
        """Delete the next expired entries, in a transaction of its own, where nothing can be put."""
        try:
            for _ in range(_STEPS):
                self._make_room(connection)
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def has_free_pages(self, connection: sqlite3.Connection) -> bool:
        """Tell whether the file has room inside for what a few turns may put. Raises `sqlite3.Error`."""
        return int(connection.execute("PRAGMA freelist_count").fetchone()[0]) > _FREE

    def _make_room(self, connection: sqlite3.Connection) -> None:
        _begin(connection)
        self._sweep.step(connection, self._clock())

    def raise_to(self, connection: sqlite3.Connection, id: str, instant: int, until: int) -> int:
        """Keep and give the maximum. Raises `sqlite3.Error`."""
        self._known.pop(id, None)
        return int(connection.execute(_RAISE, (_key(id), instant, until)).fetchall()[0][0])

    def known(self, ids: Iterable[str]) -> list[bytes | None]:
        """Give what a transaction has read."""
        return [self._known[id] for id in ids]

    def _learn(self, connection: sqlite3.Connection, ids: Iterable[str]) -> None:
        known = self._known
        version = connection.execute("PRAGMA data_version").fetchone()
        if version != self._version or len(known) > _KNOWN:
            known.clear()
            self._version = version
        missing = [id for id in ids if id not in known]
        if missing:
            keys = [_key(id) for id in missing]
            marks = ",".join("?" * len(keys))
            query = f"SELECT id, value FROM entries WHERE id IN ({marks})"  # noqa: S608 - question marks only
            found = dict(connection.execute(query, keys).fetchall())
            for id, key in zip(missing, keys, strict=True):
                value = found.get(key)
                known[id] = b"%d" % value if isinstance(value, int) else value


def _begin(connection: sqlite3.Connection) -> None:
    if not connection.in_transaction:
        connection.execute("BEGIN IMMEDIATE")


@lru_cache
def _insert(rows: int) -> str:
    return f"INSERT INTO entries VALUES {','.join(['(?, ?, ?, ?, ?)'] * rows)} ON CONFLICT DO NOTHING"  # noqa: S608


def _key(id: str) -> bytes:
    """Give where an entry lives: by a digest of its id, so that ids of any length cost 16 bytes and are not to be read.

    Those that end in a `single_use_id` lie beside its siblings, by how that begins, which tells nothing.
    """
    octets = id.encode(errors="surrogatepass")
    near = octets[5:9] if octets.startswith(_BESIDE) else b""
    return near + hashlib.blake2b(octets, digest_size=16 - len(near)).digest()
