"""The memory of many nodes: Redis 7 or later, or Valkey, alone, behind sentinels or as a cluster.

Ids are spread over 256 hash tags, each of which lives on one server and is lost as a whole. Each has a *marker*, a key
that never expires and holds the instant from which the tag has forgotten nothing, and a random part. Every verb sees
the marker in the same round trip: put and raise_to act only if it is the one that this process knows, and a read
asks for it after the values. So an absence is never believed of a tag that was flushed, lost, or is another server's.

Every tag (in a cluster; else the whole) counts the puts of each class of use in a window that lasts as long as its
first entry: one addition a put, and at most twice the quota alive. `noeviction` bounds the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from redis.asyncio import RedisCluster
from redis.exceptions import OutOfMemoryError, RedisClusterException, RedisError

from service.memory.breaker import Breaker
from service.memory.digest import digest
from service.memory.port import MARGIN, MemoryFull, MemoryStatus, MemoryUnavailable
from service.memory.redis_connection import Client, Servers, check, connect, disconnect, pipeline
from service.memory.redis_keys import ALL, MARKERS, PUT, RAISE, TAGS, View, place, reading
from service.memory.redis_look import OPENING, look

_AT_ONCE = 32  # questions in flight, and so connections a node
_AGAIN = 30.0  # seconds after which the servers' settings are looked at again: a successor's may be others
_EXCHANGED = "redis lost or exchanged its contents"
_NOT_DURABLE = "appendonly is off: after a crash it may come back with older contents"


class RedisMemory:
    """Opened at its first use, on the event loop that it stays on.

    `timeout` is in seconds; `quotas` and `max_entries` are counts of entries; `clock` gives seconds since the epoch.
    """

    name = "redis"

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        max_entries: int,
        quotas: Mapping[str, int],
        clock: Callable[[], int],
        create: bool = True,
    ) -> None:
        self._url = url
        self._timeout = timeout
        self._max_entries = max_entries
        self._quotas = quotas
        self._clock = clock
        self._create = create
        self._latest = 0
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
        return self._known().identity

    def since(self, ids: Sequence[str] = ()) -> int:
        """Give the instant (s) from which these ids' tags have forgotten nothing. Raises `MemoryUnavailable`."""
        return self._known().since({digest(id)[0] for id in ids} or ALL)

    async def put(self, id: str, value: bytes, until: int, *, use: str = "") -> bytes:
        """Write once; give the value that stands. Raises `MemoryUnavailable`, `MemoryFull`."""
        view = await self._opened()
        command = self._put(view, id, value, until, use)
        answer = await self._ask(lambda client: client.eval(*command), use)
        return await self._stands(answer, view, use)

    async def get_many(self, ids: Sequence[str]) -> list[bytes | None]:
        """Read all in one round trip. Raises `MemoryUnavailable`."""
        view = await self._opened()
        commands, tags = reading(ids)
        answers: list[bytes | None] = await self._ask(lambda client: pipeline(client, commands))
        return await self._read(answers, tags, view)

    async def put_and_get(
        self, id: str, value: bytes, until: int, ids: Sequence[str], *, use: str = ""
    ) -> tuple[bytes, list[bytes | None]]:
        """Write once and read: in one round trip, but to a cluster in two. Raises `MemoryUnavailable`, `MemoryFull`."""
        view = await self._opened()
        if isinstance(self._client, RedisCluster):
            stands, values = await self.put(id, value, until, use=use), await self.get_many(ids)
            if self._view is not view:
                raise MemoryUnavailable(_EXCHANGED)
            return stands, values
        reads, tags = reading(ids)
        commands = [("EVAL", *self._put(view, id, value, until, use)), *reads]
        answer, *answers = await self._ask(lambda client: pipeline(client, commands), use)
        values = await self._read(answers, tags, view)
        return await self._stands(answer, view, use), values

    async def raise_to(self, id: str, instant: int, until: int) -> int:
        """Keep and give the maximum. Raises `MemoryUnavailable`, `MemoryFull` (of the server)."""
        view = await self._opened()
        tag, key = place(id)
        command = (RAISE, 2, MARKERS[tag], key, view.markers[tag], instant, self._keep(until))
        answer = await self._ask(lambda client: client.eval(*command), "raised")
        return int(await self._stands(answer, view, "raised"))

    async def ready(self) -> MemoryStatus:
        """Contact the server, check its settings and describe it. Raises `MemoryUnavailable`, `MemoryRefused`."""
        await self._open(again=True)
        view = await self._opened()
        detail = "" if self._servers.durable else _NOT_DURABLE
        return MemoryStatus(self.name, view.identity, view.since(ALL), self._servers.keys, detail)

    async def close(self) -> None:
        """Close every connection."""
        for task in (self._first_contact, self._looking):
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

    def _keep(self, until: int) -> int:
        """Give the milliseconds to keep an entry: relative, so that the server's clock does not matter."""
        now = self._clock()
        self._latest = max(self._latest, now)
        return (max(until - now, 0) + MARGIN) * 1000

    def _put(self, view: View, id: str, value: bytes, until: int, use: str) -> tuple[Any, ...]:
        """Give the arguments of EVAL. Raises `MemoryUnavailable`."""
        tag, key = place(id)
        keep = self._keep(until)
        if until < self._latest - MARGIN:
            raise MemoryUnavailable("the clock stepped back behind what was already forgotten", retry_after=30)
        most = self._quotas.get(use, self._max_entries)
        count = b"satchel:count:" + use.encode()
        if isinstance(self._client, RedisCluster):
            # A tag's share, with four standard deviations of how unevenly it may fall.
            count = TAGS[tag] + b"count:" + use.encode()
            most = math.ceil(most / 256 + 4 * math.sqrt(most / 256))
        return PUT, 3, MARKERS[tag], key, count, view.markers[tag], value, keep, most

    async def _stands(self, answer: list[bytes], view: View, use: str) -> bytes:
        if answer[0] == b"changed":
            await self._changed(view)
        if answer[0] == b"full":
            raise MemoryFull(use)
        return answer[1]

    async def _read(self, answers: list[bytes | None], tags: Sequence[int], view: View) -> list[bytes | None]:
        count = len(answers) - len(tags)
        if answers[count:] != [view.markers[tag] for tag in tags]:
            await self._changed(view)
        return answers[:count]

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
            await self._open(again=True, seen=view)
        raise MemoryUnavailable(_EXCHANGED)

    async def _open(self, again: bool = False, seen: View | None = None) -> None:
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
            view = await look(self._ask, self._view, self._clock, self._create)
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
