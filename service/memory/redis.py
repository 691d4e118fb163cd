"""The memory of many nodes: Redis 7 or later, or Valkey, alone, behind sentinels or as a cluster.

Ids are spread over 256 hash tags, each of which lives on one server and is lost as a whole. Each has a *marker*, a key
that holds the instant from which the tag has forgotten nothing, and a random part. Nodes renew it every 20 seconds, so
it ends early, as entries do, if the clock of the server steps (redis_look.py). Every verb sees
the marker in the same round trip: put acts only if it is the one that this process knows, and a read asks for it after
the values. So an absence is never believed of a tag that was flushed, lost, or is another server's.

Every tag (in a cluster; else the whole) counts the entries of each class of use and of each owner, until they end.
`noeviction` bounds the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from redis.asyncio import RedisCluster
from redis.exceptions import OutOfMemoryError, RedisClusterException, RedisError

from service.memory.breaker import Breaker
from service.memory.digest import digest
from service.memory.port import (
    MARGIN,
    PROOF_LIFE,
    Entry,
    MemoryFull,
    MemoryStatus,
    MemoryUnavailable,
    check_begun,
    check_proofs,
)
from service.memory.quota import RESERVED, Quotas, lot
from service.memory.redis_connection import Client, Servers, check, connect, disconnect, pipeline
from service.memory.redis_keys import LIFE, MARKERS, PUT, PUT_RESERVED, TAGS, View, entry, place, reading
from service.memory.redis_look import OPENING, Known, Rules, look

_AT_ONCE = 32  # questions in flight, and so connections a node
_RENEW = 20.0  # seconds between two renewals of the markers
_SLACK = 5.0  # seconds that a renewal may take
_AGAIN = 30.0  # seconds after which the servers' settings are looked at again: a successor's may be others
_EXCHANGED = "redis lost or exchanged its contents"
_NOT_DURABLE = "appendonly is off: after a crash it may come back with older contents"


class RedisMemory:
    """Opened at its first use, on the event loop that it stays on.

    `timeout` is in seconds; `clock` gives seconds since the epoch.
    """

    name = "redis"

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        quotas: Quotas,
        clock: Callable[[], int],
        create: bool = True,
        skew: int = MARGIN,
        proof_life: int = PROOF_LIFE,
    ) -> None:
        self._url = url
        self._timeout = timeout
        self._quotas = quotas
        self._clock = clock
        self._rules = Rules(clock, create, skew, proof_life)
        self._renewed = -math.inf  # when all markers were (monotonic)
        self._keeper: asyncio.Task[None] | None = None
        self._client: Client | None = None
        self._checked = False
        self._view: View | None = None
        self._servers = Servers(0, False)
        self._first_contact: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._look_again = 0.0
        self._breaker = Breaker()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._opening = asyncio.Lock()

    @property
    def identity(self) -> str:
        """The stable name of these contents. Raises `MemoryUnavailable` until the server has answered once."""
        view = self._known()
        check_begun(view.since(), self._clock())
        return view.identity

    def since(self, ids: Sequence[str] = ()) -> int:
        """Give the instant (s) from which these ids' tags have forgotten nothing. Raises `MemoryUnavailable`."""
        return self._known().since({digest(id)[0] for id in ids})

    async def put(
        self, id: str, value: bytes, until: int, rank: int = 0, *, use: str = "", owners: Sequence[str] = ()
    ) -> Entry:
        """Write, unless a rank as high stands; give what stands. Raises `MemoryUnavailable`, `MemoryFull`."""
        view = await self._opened()
        command = self._put(view, id, value, until, rank, use, owners)
        answer = await self._ask(lambda client: client.eval(*command), use)
        return await self._stands(answer, view, use)

    async def get_many(self, ids: Sequence[str]) -> list[Entry | None]:
        """Read all in one round trip. Raises `MemoryUnavailable`."""
        view = await self._opened()
        commands, tags = reading(ids)
        answers: list[bytes | None] = await self._ask(lambda client: pipeline(client, commands))
        return await self._read(answers, tags, view)

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
        """Write and read: in one round trip, but to a cluster in two. Raises `MemoryUnavailable`, `MemoryFull`."""
        view = await self._opened()
        if isinstance(self._client, RedisCluster):
            stands = await self.put(id, value, until, rank, use=use, owners=owners)
            values = await self.get_many(ids)
            if self._view is not view:
                raise MemoryUnavailable(_EXCHANGED)
            return stands, values
        reads, tags = reading(ids)
        commands = [("EVAL", *self._put(view, id, value, until, rank, use, owners)), *reads]
        answer, *answers = await self._ask(lambda client: pipeline(client, commands), use)
        values = await self._read(answers, tags, view)
        return await self._stands(answer, view, use), values

    async def ready(self) -> MemoryStatus:
        """Contact the server, check its settings and describe it. Raises `MemoryUnavailable`, `MemoryRefused`."""
        await self._open(again=True)
        view = await self._opened()
        detail = "" if self._servers.durable else _NOT_DURABLE
        return MemoryStatus(self.name, view.identity, view.since(), self._servers.keys, detail, view.proofs)

    async def close(self) -> None:
        """Close every connection."""
        for task in (self._first_contact, self._looking, self._keeper):
            if task is not None:
                task.cancel()
        await self._disconnect()

    def _known(self) -> View:
        if self._view is None:
            # Whoever only seals bags never calls a verb: contact the server for them, and let them come again.
            if self._first_contact is None or self._first_contact.done():
                self._first_contact = asyncio.get_running_loop().create_task(self._try_to_open())
            raise MemoryUnavailable("redis has not answered yet")
        return self._view

    def _put(
        self, view: View, id: str, value: bytes, until: int, rank: int, use: str, owners: Sequence[str]
    ) -> tuple[Any, ...]:
        """Give the arguments of EVAL. Raises `MemoryUnavailable`."""
        tag, key = place(id)
        now = self._clock()
        check_proofs(use, view.proofs, now)
        rooms = self._quotas.rooms(use, tuple(owners))
        mosts = [room.most for room in rooms]
        counters = b"satchel:count:"
        if isinstance(self._client, RedisCluster):
            # A tag's share, with four standard deviations of how unevenly it may fall.
            mosts = [math.ceil(most / 256 + 4 * math.sqrt(most / 256)) for most in mosts]
            counters = TAGS[tag] + b"count:"
        keys = (MARKERS[tag], key, *(counters + room.counter.hex().encode() for room in rooms))
        script = PUT_RESERVED if use in RESERVED else PUT
        life = max(until - now, 0) + MARGIN
        return script, len(keys), *keys, view.markers[tag], rank, value, life, lot(), until + MARGIN, *mosts

    async def _stands(self, answer: list[bytes], view: View, use: str) -> Entry:
        if answer[0] == b"changed":
            await self._changed(view)
        if answer[0] == b"full":
            raise MemoryFull(use)
        return entry(answer[1])

    async def _read(self, answers: list[bytes | None], tags: Sequence[int], view: View) -> list[Entry | None]:
        count = len(answers) - len(tags)
        if answers[count:] != [view.markers[tag] for tag in tags]:
            await self._changed(view)
        return [None if text is None else entry(text) for text in answers[:count]]

    async def _opened(self) -> View:
        before = self._view
        now = time.monotonic()
        if self._checked and now >= self._look_again:
            self._look_again = now + _AGAIN
            self._looking = asyncio.get_running_loop().create_task(self._try_to_open(again=True))
        if not self._checked:
            if self._breaker.is_open and self._opening.locked():
                raise MemoryUnavailable("redis is being tried again")
            await self._open()
        if self._view is None or (before is not None and before is not self._view):
            raise MemoryUnavailable(_EXCHANGED)
        return self._view

    async def _changed(self, view: View) -> None:
        if self._view is view:
            alive = self._alive()
            await self._open(again=True, seen=view)
            if alive and self._view == view:  # the marker was missing, and somebody who knows less has put it back
                await self._open(again=True, stepped=True)
        raise MemoryUnavailable(_EXCHANGED)

    def _alive(self) -> bool:
        """Tell whether every marker must be there, since it was renewed within its life."""
        return time.monotonic() < self._renewed + LIFE - _SLACK

    async def _keep(self) -> None:
        """Renew the markers as long as the loop runs, with or without requests."""
        while True:
            await asyncio.sleep(_RENEW)
            await self._try_to_open(again=True)

    async def _open(self, again: bool = False, seen: View | None = None, stepped: bool = False) -> None:
        """See the server's settings, identity and markers, and set those that are missing.

        `again`: though they were seen; but not where somebody else has found something other than `seen` meanwhile.
        """
        try:
            async with asyncio.timeout(self._timeout * OPENING):
                await self._opening.acquire()
        except TimeoutError:
            raise MemoryUnavailable("redis is being tried") from None
        try:
            if self._checked and (not again or (seen is not None and self._view is not seen)):
                return
            self._checked = False
            if self._client is None:
                self._client = connect(self._url, self._timeout)
            self._servers = await self._ask(check, patience=OPENING)
            begun = time.monotonic()
            view = await look(self._ask, Known(self._view, self._alive(), stepped), self._rules)
            self._renewed = begun
            if self._keeper is None or self._keeper.done():
                self._keeper = asyncio.get_running_loop().create_task(self._keep())
            if self._view != view:
                if self._view is None and not self._servers.durable:
                    structlog.get_logger().warning("redis", risk=_NOT_DURABLE)
                if self._view is not None:
                    structlog.get_logger().error(_EXCHANGED, identity=view.identity)
                self._view = view
            self._checked = True
            self._look_again = time.monotonic() + _AGAIN
        finally:
            self._opening.release()

    async def _try_to_open(self, again: bool = False) -> None:
        with contextlib.suppress(MemoryUnavailable, MemoryFull):
            await self._open(again)

    async def _ask(self, question: Callable[[Any], Awaitable[Any]], use: str = "", patience: int = 1) -> Any:
        self._breaker.enter()
        client = self._client
        try:
            async with asyncio.timeout(self._timeout * patience), self._slots:
                if client is None or client is not self._client:
                    raise MemoryUnavailable("redis: connection given up")
                answer = await question(client)
        except OutOfMemoryError:
            self._breaker.succeeded()
            raise MemoryFull(use) from None
        except (RedisError, RedisClusterException, OSError, TimeoutError, MemoryUnavailable) as error:
            self._checked = False  # whoever answers next may be another, or set up otherwise
            if self._breaker.failed():
                # The next probe begins anew: addresses, the cluster's layout, roles and settings may be others.
                await self._disconnect()
            if isinstance(error, MemoryUnavailable):
                raise
            # Not the text: redis-py's holds the command, and so the value.
            raise MemoryUnavailable(f"redis: {type(error).__name__}") from None
        self._breaker.succeeded()
        return answer

    async def _disconnect(self) -> None:
        self._checked = False
        client, self._client = self._client, None
        if client is not None:
            await disconnect(client)
