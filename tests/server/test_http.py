"""A connection in this process: what is left of it when it ends."""

import asyncio
import gc
import logging
import weakref
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from service.server.http import Connection

REQUEST = b"POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"


class Transport(asyncio.Transport):
    """A socket without a network."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 5), "sockname": ("127.0.0.1", 8000)})
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def worker() -> Any:
    async def answer(endpoint: Any, scope: dict[str, Any], body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        return 200, [(b"content-type", b"text/plain")], body * endpoint

    return SimpleNamespace(
        log=logging.getLogger("test"),
        loop=asyncio.get_running_loop(),
        application=SimpleNamespace(answer=answer),
        endpoints={"/whole": 2},
        open=set(),
        worker_connections=10,
        line_limit=4094,
        field_limit=8190,
        fields_limit=100,
        patience=10.0,
        refused=0,
        accepting=True,
        state={},
    )


async def receive(connection: Connection, data: bytes) -> None:
    """Give `data` to the connection as the event loop does: outside of any task."""
    asyncio.get_running_loop().call_soon(connection.data_received, data)
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("requests", [0, 1, 3])
def test_a_connection_that_ends_needs_no_garbage_collector(requests: int) -> None:
    """A cycle for each connection would stay for as long as the collector finds nothing better to do."""

    async def act() -> None:
        shared = worker()
        connection, transport = Connection(shared), Transport()
        connection.connection_made(transport)
        for n in range(1, requests + 1):
            await receive(connection, REQUEST)
            assert transport.written.count(b"HTTP/1.1 200 OK\r\n") == n
        assert transport.written.endswith(b"abab" if requests else b"")
        connection.connection_lost(None)
        await asyncio.sleep(0.01)
        assert shared.open == set()
        gone = weakref.ref(connection)
        del connection
        await asyncio.sleep(0)
        assert gone() is None

    gc.collect()
    gc.disable()
    try:
        asyncio.run(act())
    finally:
        gc.enable()


def test_whoever_pipelines_lets_the_others_have_their_turn() -> None:
    async def act() -> None:
        connection, transport = Connection(worker()), Transport()
        connection.connection_made(transport)
        asyncio.get_running_loop().call_soon(connection.data_received, REQUEST * 50)
        answered = []
        for _ in range(200):
            await asyncio.sleep(0)
            answered.append(transport.written.count(b"HTTP/1.1 200 OK\r\n"))
        assert answered[-1] == 50
        assert max(after - before for before, after in pairwise(answered)) == 1
        connection.connection_lost(None)
        await asyncio.sleep(0.01)

    asyncio.run(act())
