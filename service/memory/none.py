"""The memory that remembers nothing: for those who ask for it by name, and know what they give up."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from service.memory.port import Entry, MemoryStatus

_GIVEN_UP = (
    "a code can be replayed until it expires, a refresh token is never found reused, assertions and DPoP proofs can "
    "be replayed, nothing can be revoked, attempts at logging in are not counted, and there is no device flow"
)


class NoMemory:
    """Every put wins, and every read finds nothing."""

    name = "none"
    identity = "none"

    def __init__(self) -> None:
        structlog.get_logger().warning("memory none", given_up=_GIVEN_UP)

    def since(self, ids: Sequence[str] = ()) -> int:
        """Give 0: it never promised anything, so there is nothing that it could have forgotten."""
        return 0

    async def put(
        self, id: str, value: bytes, until: int, rank: int = 0, *, use: str = "", owners: Sequence[str] = ()
    ) -> Entry:
        """Give back what is put."""
        return Entry(rank, value)

    async def get_many(self, ids: Sequence[str]) -> list[Entry | None]:
        """Give None for each id."""
        return [None] * len(ids)

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
        """Give back what is put, and None for each of `ids`."""
        return Entry(rank, value), [None] * len(ids)

    async def ready(self) -> MemoryStatus:
        """Say that it is always ready, and what that is worth."""
        return MemoryStatus(self.name, self.identity, 0, 0, _GIVEN_UP)

    async def close(self) -> None:
        """Do nothing."""
