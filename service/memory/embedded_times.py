"""Whether time was monotonic for the embedded memory, and since when it has forgotten nothing."""

from __future__ import annotations

import sqlite3

import structlog

from service.memory.port import MARGIN


class ClockStepped(Exception):
    """The clock is behind what was deleted as expired, or another process has found that out: settle first."""


class Times:
    """The instants (s) in the file, as this process knows them.

    `swept`: what expired before it may be deleted. `proofs`: until then proofs are refused.
    """

    def __init__(self, connection: sqlite3.Connection, since: int) -> None:
        self._connection = connection
        self.since = since
        self.swept = 0
        self.proofs = 0

    def check(self, now: int, *, read: bool) -> None:
        """Raise `ClockStepped` if something alive may have been deleted; `read`: look into the file too.

        Raises `sqlite3.Error`.
        """
        if read:
            since, self.swept, self.proofs = self._read()
            if since != self.since:
                raise ClockStepped
        if now < self.swept or now + 2 * MARGIN < self.since:
            raise ClockStepped

    def settle(self, now: int, proof_life: int) -> None:
        """Begin a new `since` if the clock is behind, once for all processes. Raises `sqlite3.Error`."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self.since, self.swept, self.proofs = self._read()
            if now < self.swept or now + 2 * MARGIN < self.since:
                behind = max(self.swept + MARGIN, self.since) - now
                self.since, self.swept, self.proofs = now + 1, 0, now + proof_life
                row = (self.since, self.swept, self.proofs)
                self._connection.execute("UPDATE about SET since = ?, swept = ?, proofs = ?", row)
                structlog.get_logger().error("memory clock stepped back", seconds=behind, since=self.since)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _read(self) -> tuple[int, int, int]:
        row: tuple[int, int, int] = self._connection.execute("SELECT since, swept, proofs FROM about").fetchone()
        return row
