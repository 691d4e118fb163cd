"""Shared requests: callers that need the same result at the same time share one exchange, called a flight.

If a caller gives up (a timeout, a cancelled task), the exchange continues for the other callers.
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
    """An exchange with a name. Flights with the same name share one exchange. `wait`: the caller needs the result."""

    name: Hashable
    exchange: Callable[[], Exchange[Any]]
    wait: bool = True


class Flights:
    """Flights for threads. After a fork, the child uses connections and locks of its own."""

    def __init__(self, client: httpx.Client | None = None) -> None:
        self._given = client
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._client = self._given
        self._under_way: dict[Hashable, Future[Any]] = {}

    def join(self, flight: Flight) -> Any:
        """Wait for the result of `flight` and return it.

        Raises:
            ClientError: raised by the exchange.
        """
        future, mine = self._board(flight)
        if mine:
            self._fly(flight, future)
        return future.result()

    def launch(self, flight: Flight) -> None:
        """Run `flight` in the background. A failure is ignored."""
        future, mine = self._board(flight)
        if mine:
            try:
                threading.Thread(target=self._fly, args=(flight, future), daemon=True).start()
            except RuntimeError as failure:  # no more threads, or the interpreter is ending
                self._under_way.pop(flight.name, None)
                future.set_exception(failure)

    def close(self) -> None:
        """Close the connections, except those of a client that was passed in."""
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
    """The connections and running flights of one event loop."""

    def __init__(self, client: httpx.AsyncClient | None) -> None:
        self.client = client
        self.under_way: dict[Hashable, asyncio.Task[Any]] = {}


class AsyncFlights:
    """Flights for asyncio tasks. Each event loop has its own."""

    def __init__(self, client: httpx.AsyncClient | None = None) -> None:
        self._given = client
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Loop] = WeakKeyDictionary()

    async def join(self, flight: Flight) -> Any:
        """Wait for the result of `flight` and return it.

        Raises:
            ClientError: raised by the exchange.
        """
        return await asyncio.shield(self._board(flight))

    def launch(self, flight: Flight) -> None:
        """Run `flight` in the background. A failure is ignored."""
        self._board(flight)

    async def aclose(self) -> None:
        """Cancel the flights of this event loop and close its connections, except those of a client passed in."""
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
    """Retrieve the exception of a flight that no caller waits for, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
