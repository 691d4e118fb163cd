"""What a process finds in Redis when it opens it (RFC 6749 §10.5): whose contents, and since when each tag is whole."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from service.memory.port import MemoryRefused, MemoryUnavailable
from service.memory.redis_connection import pipeline
from service.memory.redis_keys import ALL, IDENTITY, MARKERS, View, seen, start

OPENING = 4
"""Time-outs that a step of opening may take, being many commands; each answer still has but one."""


class Ask(Protocol):
    """Asks the client a question, within `patience` time-outs. Raises `MemoryUnavailable`, `MemoryFull`."""

    async def __call__(self, question: Callable[[Any], Awaitable[Any]], use: str = "", patience: int = 1) -> Any: ...


async def look(ask: Ask, before: View | None, clock: Callable[[], int], create: bool, skew: int) -> View:
    """Give the view, and set the markers that are missing; `before` is what this process saw the last time.

    Without `create`, contents that have no identity yet are refused (`MemoryRefused`).

    `skew` (s) is added to the instant of a loss, because the clock that stamped a bag may be that much ahead.
    The identity is written last, so whoever finds it and not a marker knows of a loss.
    """
    identity: bytes | None = await ask(lambda client: client.get(IDENTITY))
    if identity is None and not create:
        raise MemoryRefused(
            "redis holds no memory of Satchel: memory.url must be that of the service, which begins one"
        )
    first = identity is None and before is None
    markers = await _markers(ask)
    missing = [tag for tag in ALL if markers[tag] is None]
    if missing:
        new = b"%d.%s" % (clock() + (0 if first else skew), secrets.token_hex(4).encode())
        commands = [("SET", MARKERS[tag], new, "NX") for tag in missing]
        await ask(lambda client: pipeline(client, commands), patience=OPENING)
        markers = await _markers(ask)  # others may have been first
        if None in markers:
            raise MemoryUnavailable("redis loses its contents at this moment")
    if identity is None:
        mine = secrets.token_hex(8).encode()
        identity = await ask(lambda client: client.set(IDENTITY, mine, nx=True, get=True)) or mine
    known = tuple(marker or b"" for marker in markers)
    return View(identity.decode(), known, max(map(start, known)))


async def _markers(ask: Ask) -> list[bytes | None]:
    commands = [seen(tag) for tag in ALL]
    markers: list[bytes | None] = await ask(lambda client: pipeline(client, commands), patience=OPENING)
    return markers
