"""Two nodes behind one address: the same keys, copied, and one redis."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.worlds.gunicorn import Running
from tests.worlds.redis_servers import redis_server

EMBEDDED = '[memory]\nkind = "embedded"\n'


class Turns(httpx.BaseTransport):
    """Sends every request to another node than the one before; `trace` tells who was asked for what."""

    def __init__(self, transport: httpx.BaseTransport, *nodes: Running) -> None:
        self._transport = transport
        self.nodes = nodes
        self.trace: list[tuple[int, str]] = []

    @property
    def issuer(self) -> str:
        """The address that the nodes have in common."""
        return self.nodes[0].url

    def begin(self, first: int) -> None:
        """Let the next request go to the node of that number."""
        self.trace.clear()
        self._first = first

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        n = (self._first + len(self.trace)) % len(self.nodes)
        self.trace.append((n, f"{request.method} {request.url.path}"))
        url = request.url.copy_with(port=self.nodes[n].port)
        moved = httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        return self._transport.handle_request(moved)


@contextmanager
def two_nodes(directory: Path, toml: str) -> Iterator[Turns]:
    """Two nodes of that configuration, whose memory is a redis of their own."""
    with redis_server(directory / "redis") as redis:
        assert EMBEDDED in toml
        toml = toml.replace(EMBEDDED, f'[memory]\nkind = "redis"\nurl = "{redis.url}"\ntimeout_ms = 2000\n')
        with Running(directory / "one", toml, workers=1) as one:
            shutil.copytree(one.state / "keys", directory / "two" / "var" / "keys")
            other = toml.replace("{port}", str(one.port))
            with Running(directory / "two", other, workers=1) as two, httpx.HTTPTransport() as transport:
                yield Turns(transport, one, two)
