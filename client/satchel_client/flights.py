"""One exchange for all who need its result: the shells around what asks for it.

A caller who gives up (a timeout, a cancelled task) leaves the exchange under way for the others.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import httpx

from satchel_client.http import Exchange, arun, open_async_client, open_client, run


class Flight(NamedTuple):
    """An exchange under a name that all who want the same thing use, whether they wait for its result or not."""

    name: Hashable
    exchange: Callable[[], Exchange[Any]]
    wait: bool = True


class Flights:
    """Flights of threads. Connections and locks are never shared with a process that this one was forked from."""

    def __init__(self, client: httpx.Client | None = None) -> None:
        self._given = client
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._client = self._given
        self._under_way: dict[Hashable, Future[Any]] = {}

    def join(self, flight: Flight) -> Any:
        """Return the result of `flight`, once it has landed.

        Raises:
            ClientError: what the exchange raises.
        """
        future, mine = self._board(flight)
        if mine:
            self._fly(flight, future)
        return future.result()

    def launch(self, flight: Flight) -> None:
        """Have it fly in the background; its failure is nobody's concern."""
        future, mine = self._board(flight)
        if mine:
            try:
                threading.Thread(target=self._fly, args=(flight, future), daemon=True).start()
            except RuntimeError as failure:  # no more threads, or the interpreter is ending
                self._under_way.pop(flight.name, None)
                future.set_exception(failure)

    def close(self) -> None:
        """Close the connections, unless they are a given client's."""
        if self._client is not None and self._client is not self._given:
            self._client.close()
            self._client = None

    def _board(self, flight: Flight) -> tuple[Future[Any], bool]:
        if self._pid != os.getpid():
            self._begin()
        with self._lock:
            future = self._under_way.get(flight.name)
            if future is not None:
                return future, False
            future = self._under_way[flight.name] = Future()
            return future, True

    def _fly(self, flight: Flight, future: Future[Any]) -> None:
        try:
            with self._lock:
                if self._client is None:
                    self._client = open_client()
            result = run(flight.exchange(), self._client)
        except BaseException as failure:
            self._under_way.pop(flight.name, None)
            future.set_exception(failure)
            if not isinstance(failure, Exception):
                raise
        else:
            self._under_way.pop(flight.name, None)
            future.set_result(result)


class _Loop:
    """What belongs to one event loop."""

    def __init__(self, client: httpx.AsyncClient | None) -> None:
        self.client = client
        self.under_way: dict[Hashable, asyncio.Task[Any]] = {}


class AsyncFlights:
    """Flights of tasks; each event loop has its own."""

    def __init__(self, client: httpx.AsyncClient | None = None) -> None:
        self._given = client
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Loop] = WeakKeyDictionary()

    async def join(self, flight: Flight) -> Any:
        """Return the result of `flight`, once it has landed.

        Raises:
            ClientError: what the exchange raises.
        """
        return await asyncio.shield(self._board(flight))

    def launch(self, flight: Flight) -> None:
        """Have it fly in the background; its failure is nobody's concern."""
        self._board(flight)

    async def aclose(self) -> None:
        """End what flies in this event loop, and close its connections, unless they are a given client's."""
        here = self._loops.pop(asyncio.get_running_loop(), None)
        if here is None:
            return
        for task in tuple(here.under_way.values()):
            task.cancel()
        await asyncio.gather(*here.under_way.values(), return_exceptions=True)
        if here.client is not None and here.client is not self._given:
            await here.client.aclose()

    def _board(self, flight: Flight) -> asyncio.Task[Any]:
        loop = asyncio.get_running_loop()
        here = self._loops.get(loop)
        if here is None:
            here = self._loops[loop] = _Loop(self._given)
        task = here.under_way.get(flight.name)
        if task is None:
            task = here.under_way[flight.name] = loop.create_task(self._fly(flight, here))
            task.add_done_callback(_heard)
        return task

    async def _fly(self, flight: Flight, here: _Loop) -> Any:
        try:
            if here.client is None:
                here.client = open_async_client()
            return await arun(flight.exchange(), here.client)
        finally:
            here.under_way.pop(flight.name, None)


def _heard(task: asyncio.Task[Any]) -> None:
    """Take note of a failure that no caller has waited for, or the loop would complain of it."""
    if not task.cancelled():
        task.exception()
