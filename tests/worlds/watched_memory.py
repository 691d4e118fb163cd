"""A memory that is watched, and that fails when it is told to."""

from collections.abc import Sequence
from typing import Any

from service.memory import Entry, Memory, MemoryFull, MemoryStatus, MemoryUnavailable
from tests.worlds.satchel import Satchel


class Watched:
    """A memory that writes down what it is asked, and fails as it is told."""

    def __init__(self, inner: Memory) -> None:
        self.inner = inner
        self.name = inner.name
        self.asked: list[tuple[str, Any]] = []
        self.down = False
        self.full: set[str] = set()
        self.forgot_until = 0

    def _ask(self, verb: str, about: Any) -> None:
        self.asked.append((verb, about))
        if self.down:
            raise MemoryUnavailable("out of order", retry_after=7)

    @property
    def verbs(self) -> list[str]:
        """What was asked for, by verb; puts with their class of use."""
        return [verb if verb != "put" else f"put {about[3]}" for verb, about in self.asked]

    @property
    def identity(self) -> str:
        if self.down:
            raise MemoryUnavailable("out of order", retry_after=7)
        return self.inner.identity

    def since(self, ids: Sequence[str] = ()) -> int:
        return max(self.forgot_until, self.inner.since(ids))

    async def put(
        self, id: str, value: bytes, until: int, rank: int = 0, *, use: str = "", owners: Sequence[str] = ()
    ) -> Entry:
        self._ask("put", (id, value, until, use))
        if use in self.full:
            raise MemoryFull(use, retry_after=11)
        return await self.inner.put(id, value, until, rank, use=use, owners=owners)

    async def get_many(self, ids: Sequence[str]) -> list[Entry | None]:
        self._ask("get", list(ids))
        return await self.inner.get_many(ids)

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
        self._ask("get", list(ids))
        self._ask("put", (id, value, until, use))
        if use in self.full:
            raise MemoryFull(use, retry_after=11)
        return await self.inner.put_and_get(id, value, until, ids, rank, use=use, owners=owners)

    async def ready(self) -> MemoryStatus:
        self._ask("ready", None)
        return await self.inner.ready()

    async def close(self) -> None:
        await self.inner.close()


def watched(sessions: Satchel) -> Watched:
    """Put a watched memory in the place of the service's own."""
    memory = Watched(sessions.context.memory)
    sessions.app.runtime.context = sessions.context._replace(memory=memory)
    return memory
