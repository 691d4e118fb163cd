"""What a process finds in Redis when it opens it (RFC 6749 §10.5): whose contents, and since when each tag is whole.

Each tag has a marker, which ends unless it is renewed, and a copy of it that stays. A marker that has ended although it
was renewed in time tells that the server's clock stepped, and that entries may have ended with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

import structlog

from service.memory.port import MemoryRefused, MemoryUnavailable
from service.memory.redis_connection import pipeline
from service.memory.redis_keys import ALL, IDENTITY, KEPT, LIFE, MARKERS, STEPPED, View, seen, start

OPENING = 4
"""Time-outs that a step of opening may take, being many commands; each answer still has but one."""


class Ask(Protocol):
    """Asks the client a question, within `patience` time-outs. Raises `MemoryUnavailable`, `MemoryFull`."""

    async def __call__(self, question: Callable[[Any], Awaitable[Any]], use: str = "", patience: int = 1) -> Any: ...


class Known(NamedTuple):
    """What a process knows: what it saw last, and whether every marker was renewed within its life.

    `stepped`: a marker was found missing within its life, whatever stands there now.
    """

    before: View | None
    renewed: bool
    stepped: bool = False


class Rules(NamedTuple):
    """`clock` gives the instant (s); `skew` and `proof_life` are in seconds; `create`: contents may be begun."""

    clock: Callable[[], int]
    create: bool
    skew: int
    proof_life: int


async def look(ask: Ask, known: Known, rules: Rules) -> View:
    """Give the view, renew the markers, and set those that are missing.

    The identity is written last, so whoever finds it and not a marker knows of a loss. The permitted skew is added to
    the instant of a loss, because the clock that stamped a bag may be that much ahead.
    Raises `MemoryUnavailable`, and `MemoryRefused` if there are no contents and none may be begun.
    """
    identity: bytes | None = await ask(lambda client: client.get(IDENTITY))
    if identity is None and not rules.create:
        raise MemoryRefused(
            "redis holds no memory of Satchel: memory.url must be that of the service, which begins one"
        )
    first = identity is None and known.before is None
    markers = await _markers(ask)
    kept: list[bytes | None] = await _all(ask, [("GET", key) for key in KEPT])
    commands = await _repair(ask, markers, kept, known, rules, first=first)
    if commands:
        await _all(ask, commands)
        markers = await _markers(ask)  # others may have been first
        if None in markers:
            raise MemoryUnavailable("redis loses its contents at this moment")
    copies = [("SET", KEPT[tag], markers[tag]) for tag in ALL if markers[tag] != kept[tag]]
    if copies:
        await _all(ask, copies)
    if identity is None:
        mine = secrets.token_hex(8).encode()
        identity = await ask(lambda client: client.set(IDENTITY, mine, nx=True, get=True)) or mine
    now = tuple(marker or b"" for marker in markers)
    stepped = [start(marker) + rules.proof_life for marker in now if marker.endswith(STEPPED)]
    return View(identity.decode(), now, max(map(start, now)), max(stepped, default=0))


async def _repair(
    ask: Ask, markers: list[bytes | None], kept: list[bytes | None], known: Known, rules: Rules, *, first: bool
) -> list[tuple[Any, ...]]:
    """Give the commands that set the markers that are missing, or that a clock far ahead has set."""
    now, skew = rules.clock(), rules.skew
    if None not in markers and not known.stepped and max(start(m or b"0") for m in markers) <= now + 2 * skew:
        return []
    server = int((await ask(lambda client: client.time()))[0])
    # Nobody may have been there to renew them. Then a copy is believed, if the server's clock is right now.
    silent = not known.renewed and not known.stepped and abs(server - now) <= 2 * skew
    part = secrets.token_hex(4).encode()
    lost = b"%d.%s" % (now + (0 if first else skew), part)
    anew = b"%d.%s%s" % (now + skew, part, STEPPED)
    commands: list[tuple[Any, ...]] = []
    for tag in ALL:
        marker, copy = markers[tag], kept[tag]
        if marker is not None and (known.stepped or start(marker) > max(now, server) + 2 * skew):
            commands.append(("SET", MARKERS[tag], anew, "EX", LIFE))
        elif marker is None:
            text = lost if copy is None else copy if silent else anew
            commands.append(("SET", MARKERS[tag], text, "NX", "EX", LIFE))
    if any(anew in command for command in commands):
        structlog.get_logger().error("memory clock stepped", since=start(anew), server_ahead=server - now)
    return commands


async def _markers(ask: Ask) -> list[bytes | None]:
    return await _all(ask, [seen(tag) for tag in ALL])


async def _all(ask: Ask, commands: list[tuple[Any, ...]]) -> list[bytes | None]:
    answers: list[bytes | None] = await ask(lambda client: pipeline(client, commands), patience=OPENING)
    return answers
