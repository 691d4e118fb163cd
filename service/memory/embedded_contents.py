"""What the embedded memory does inside a transaction: put by rank, count, read, sweep."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from service.memory.embedded_batch import Operation, Put
from service.memory.embedded_times import Times
from service.memory.embedded_upkeep import EVERY, Sweep
from service.memory.port import MARGIN, Entry, MemoryFull, MemoryUnavailable, check_proofs
from service.memory.quota import CLASSES, EXACT, Quotas, Room, counter, lot, rounded

# The usual way of an entry that takes the place of another: a family that rotates.
_RAISE = "UPDATE entries SET rank = ?1, value = ?2 WHERE id = ?3 AND rank < ?1 AND until >= ?4"
_GET = "SELECT rank, value, until FROM entries WHERE id = ?"
_PUT = "REPLACE INTO entries VALUES (?, ?, ?, ?)"
# A counter is an entry, too: its rank is the count, and its id is the counter's name with the instant of its end. So
# the sweep deletes counters together with what they count.
_COUNT = "INSERT INTO entries VALUES (?, ?, x'', ?) ON CONFLICT DO UPDATE SET rank = rank + excluded.rank"
_HELD = "SELECT coalesce(sum(rank), 0) FROM entries WHERE id BETWEEN ? AND ?"
_END = b"\xff" * 5
_STEPS = 2  # of the sweep for each turn in which the disk is full
_FREE = 64  # pages
_KNOWN = 10_000  # entries that are remembered as read, and counters
_BESIDE = b"code:"


class Lease:
    """The places (`left`) that a worker may take before it looks at a counter again; `exact`: each is counted."""

    __slots__ = ("exact", "left")

    def __init__(self, most: int, held: int, is_class: bool) -> None:
        free = max(0, most - held)
        few = is_class and held < EXACT
        self.exact = few or free < EXACT
        # Other workers have leases, too.
        self.left = min(-(-free // 64), EXACT - held) if few else -(-free // 64)


class Contents:
    """The entries as one worker sees them. `clock` gives whole seconds.

    What was read stays known until somebody else writes: to learn that nobody has costs a third of a query.
    A counter is not read for each put: a worker that has seen free places takes some of them before it looks again.
    """

    def __init__(self, quotas: Quotas, clock: Callable[[], int]) -> None:
        self._quotas = quotas
        self._clock = clock
        self._sweep = Sweep()
        self._puts = EVERY - 1  # since its last step
        self._known: dict[str, Entry | None] = {}
        self._version: tuple[int] | None = None
        self._leases: dict[bytes, Lease] = {}
        self._counted: Counter[tuple[bytes, int]] = Counter()  # in this transaction, and not yet written

    def forget(self) -> None:
        """Know nothing any more: the file is another, or what was read may never have been committed."""
        self._known.clear()
        self._leases.clear()
        self._counted.clear()

    def transact(self, connection: sqlite3.Connection, batch: Sequence[Operation], times: Times) -> None:
        """Set the answer of each operation. Raises `sqlite3.Error` and `ClockStepped`, after which nothing was done.

        Reads come last, so they see what was revoked in their turn.
        """
        puts = [(operation, operation.put) for operation in batch if operation.put is not None]
        ids = {id for operation in batch for id in operation.ids or ()}
        times.check(self._clock(), read=False)
        if puts:
            connection.execute("BEGIN IMMEDIATE")
        elif not ids <= self._known.keys():
            connection.execute("BEGIN")
        try:
            if puts:
                self._put_all(connection, puts, times)
            if ids:
                self._learn(connection, ids, times)
            for operation in batch:
                if operation.ids is not None and not isinstance(operation.answer, Exception):
                    values = [self._known[id] for id in operation.ids]
                    operation.answer = values if operation.put is None else (operation.answer, values)
            if connection.in_transaction:
                connection.execute("COMMIT")
        except BaseException:
            self.forget()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def entries(self, connection: sqlite3.Connection) -> int:
        """Count the entries of all classes that are named. Raises `sqlite3.Error`."""
        now = self._clock()
        return sum(self._held(connection, counter(use), now) for use in {*CLASSES, *self._quotas.named, ""})

    def _put_all(self, connection: sqlite3.Connection, puts: Sequence[tuple[Operation, Put]], times: Times) -> None:
        now = self._clock()
        times.check(now, read=True)
        self._puts += len(puts)
        while self._puts >= self._sweep.every:
            self._puts -= self._sweep.every
            self._sweep.step(connection, now)
            times.swept = max(times.swept, now - MARGIN)
        for operation, put in puts:
            self._known.pop(put.id, None)  # data_version tells of the writes of others alone
            try:
                operation.answer = stands = self._put(connection, put, now, times)
            except (MemoryFull, MemoryUnavailable) as refusal:
                operation.answer = refusal
            else:
                if operation.ids and put.id in operation.ids:
                    self._known[put.id] = stands
        self._write_counts(connection)

    def _put(self, connection: sqlite3.Connection, put: Put, now: int, times: Times) -> Entry:
        """Give the entry that stands. Raises `MemoryUnavailable`, `MemoryFull`, `sqlite3.Error`."""
        id, value, until, rank, use, owners = put
        key, kept = _key(id), rounded(until, now)
        if rank and connection.execute(_RAISE, (rank, value, key, kept)).rowcount == 1:
            return Entry(rank, value)
        before = connection.execute(_GET, (key,)).fetchone()
        if before is not None and before[0] >= rank:
            return Entry(before[0], before[1])
        rooms, weight = self._quotas.rooms(use, owners), 1
        if before is None:
            check_proofs(use, times.proofs, now)
            weight = self._take(connection, rooms, use, now)
        elif kept <= before[2]:
            kept, weight = before[2], 0
        # What takes the place of another entry needs no room, but is counted for as long as it lives longer.
        connection.execute(_PUT, (key, rank, value, kept))
        if weight:
            for room in rooms:
                self._counted[room.counter, kept] += weight
        return Entry(rank, value)

    def sweep(self, connection: sqlite3.Connection, times: Times) -> None:
        """Delete the next expired entries, in a transaction of its own, where nothing can be put."""
        try:
            connection.execute("BEGIN IMMEDIATE")
            now = self._clock()
            for _ in range(_STEPS):
                self._sweep.step(connection, now)
            connection.execute("COMMIT")
            times.swept = max(times.swept, now - MARGIN)
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def has_free_pages(self, connection: sqlite3.Connection) -> bool:
        """Tell whether the file has room inside for what a few turns may put. Raises `sqlite3.Error`."""
        return int(connection.execute("PRAGMA freelist_count").fetchone()[0]) > _FREE

    def _take(self, connection: sqlite3.Connection, rooms: Sequence[Room], use: str, now: int) -> int:
        """Take a place in each of `rooms`; give how much is to be counted. Raises `MemoryFull`, `sqlite3.Error`."""
        if len(self._leases) > _KNOWN:
            self._leases.clear()
        leases = []
        for room in rooms:
            lease = self._leases.get(room.counter)
            if lease is None or not lease.left:
                self._write_counts(connection)
                lease = Lease(room.most, self._held(connection, room.counter, now), room is rooms[0])
                if not lease.left:
                    raise MemoryFull(use)
                self._leases[room.counter] = lease
            leases.append(lease)
        exact = False
        for lease in leases:
            lease.left -= 1
            exact = exact or lease.exact
        return 1 if exact else lot()

    def _held(self, connection: sqlite3.Connection, name: bytes, now: int) -> int:
        alive = (now - MARGIN).to_bytes(5, "big")
        return int(connection.execute(_HELD, (name + alive, name + _END)).fetchone()[0])

    def _write_counts(self, connection: sqlite3.Connection) -> None:
        if self._counted:
            rows = [(name + end.to_bytes(5, "big"), count, end) for (name, end), count in self._counted.items()]
            connection.executemany(_COUNT, rows)
            self._counted.clear()

    def _learn(self, connection: sqlite3.Connection, ids: Iterable[str], times: Times) -> None:
        known = self._known
        version = connection.execute("PRAGMA data_version").fetchone()
        if version != self._version or len(known) > _KNOWN:
            known.clear()
            times.check(self._clock(), read=True)
            self._version = version
        missing = [id for id in ids if id not in known]
        if missing:
            keys = [_key(id) for id in missing]
            marks = ",".join("?" * len(keys))
            query = f"SELECT id, rank, value FROM entries WHERE id IN ({marks})"  # noqa: S608 - question marks only
            found = {key: Entry(rank, value) for key, rank, value in connection.execute(query, keys)}
            for id, key in zip(missing, keys, strict=True):
                known[id] = found.get(key)


def _key(id: str) -> bytes:
    """Give where an entry lives: by a digest of its id, so that ids of any length cost 16 bytes and are not to be read.

    Those that end in a `single_use_id` lie beside its siblings, by how that begins, which tells nothing.
    """
    octets = id.encode(errors="surrogatepass")
    near = octets[5:9] if octets.startswith(_BESIDE) else b""
    return near + hashlib.blake2b(octets, digest_size=16 - len(near)).digest()
