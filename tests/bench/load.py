"""Load on a server of this machine over keep-alive connections; every answer must be 2xx or 3xx, save where they race.

Rates are taken by wrk where it is on PATH, else by the loader here. Exact counts are always the loader's here.
"""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple, cast

import uvloop

CONNECTIONS = 16
_PATIENCE = 10  # seconds for one answer

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class LoadFailed(Exception):
    """An answer that is not 2xx, or none at all."""


class Request(NamedTuple):
    """A POST of a form."""

    path: str
    body: bytes
    headers: dict[str, str]

    def fields(self) -> dict[str, str]:
        """All header fields but Host."""
        form = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(self.body))}
        return {**self.headers, **form}

    def octets(self, port: int) -> bytes:
        """The request as it is sent."""
        fields = {"Host": f"127.0.0.1:{port}", **self.fields()}
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        return "\r\n".join(lines).encode() + self.body


class Answer(NamedTuple):
    """An answer; `lines` are its header fields as they came."""

    status: int
    lines: bytes
    body: bytes

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names, in lower case, and values."""
        pairs = (line.partition(":") for line in self.lines.decode().split("\r\n"))
        return [(name.lower(), value.strip()) for name, _, value in pairs]

    @property
    def closes(self) -> bool:
        """Whether the connection ends with it."""
        return b"\r\nconnection: close" in b"\r\n" + self.lines.lower()


Talk = Callable[[Answer | None], bytes | None]
"""Gives the request that follows an answer (None: the first one), as it is sent; None: no more."""


def rate(port: int, request: Request, seconds: int) -> float:
    """Return answers a second over `seconds`.

    Raises:
        LoadFailed: an answer is not 2xx, or a connection fails.
    """
    if wrk := shutil.which("wrk"):
        return _wrk(wrk, port, request, seconds)
    began = time.perf_counter()
    octets = request.octets(port)
    answered = run(port, (octets for _ in iter(lambda: time.perf_counter() < began + seconds, False)))
    return answered / (time.perf_counter() - began)


def run(port: int, requests: Iterator[bytes], lives: Sequence[int] = (0,)) -> int:
    """Send `requests` over CONNECTIONS connections, whichever is free; return how many were answered.

    The n-th connection is replaced after `lives[n % len(lives)]` requests; 0: never.

    Raises:
        LoadFailed: an answer is not 2xx, or a connection fails.
    """
    return talk(port, [lambda _: next(requests, None)] * CONNECTIONS, lives)


def talk(port: int, talks: Sequence[Talk], lives: Sequence[int] = (0,)) -> int:
    """Hold each of `talks` on a connection of its own, all at once; return how many requests were answered.

    The n-th connection is replaced after `lives[n % len(lives)]` requests; 0: never.

    Raises:
        LoadFailed: an answer is not 2xx, or a connection fails.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_talk(port, talks, lives))


def race(port: int, heats: Sequence[bytes], rivals: int) -> list[list[int]]:
    """Send each of `heats` over `rivals` connections at once, one heat after the other; return the statuses of each.

    Raises:
        LoadFailed: a connection fails.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_race(port, heats, rivals))


def ask(port: int, request: Request) -> Answer:
    """Return the answer to one request on a connection of its own.

    Raises:
        LoadFailed: it is not 2xx.
        OSError: nobody listens.
    """

    async def one() -> Answer:
        with await _connect(port) as connection:
            return _good(await _exchange(connection, request.octets(port)))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(one())


async def _talk(port: int, talks: Sequence[Talk], lives: Sequence[int]) -> int:
    tasks = [_converse(port, one, lives[n % len(lives)]) for n, one in enumerate(talks)]
    try:
        return sum(await asyncio.gather(*tasks))
    except OSError as fault:
        raise LoadFailed(f"port {port}: {fault!r}") from None


async def _converse(port: int, following: Talk, life: int) -> int:
    loop, answered, octets = asyncio.get_running_loop(), 0, following(None)
    while octets is not None:
        transport, connection = await loop.create_connection(
            partial(_Conversation, octets, following, life), "127.0.0.1", port
        )
        try:
            octets = await connection.ended
        finally:
            transport.abort()
        answered += connection.answered
    return answered


class _Conversation(asyncio.Protocol):
    """One connection's part of a talk; a protocol, since awaiting each answer costs more than the servers do."""

    def __init__(self, octets: bytes, following: Talk, life: int) -> None:
        self.answered = 0
        self.ended: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        """The request that another connection is to begin with; None if the talk is over."""
        self._octets = octets
        self._following = following
        self._life = life
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send(self._octets)

    def data_received(self, data: bytes) -> None:
        self._data += data
        try:
            answer = _parse(self._data)
            if answer is None:
                return
            self._waiting.cancel()
            self._data = b""
            following = self._following(_good(answer))
        except Exception as fault:
            self._end(fault)
            return
        self.answered += 1
        if following is None or answer.closes or self.answered == self._life:
            self.ended.set_result(following)
        else:
            self._send(following)

    def connection_lost(self, fault: Exception | None) -> None:
        self._end(fault or LoadFailed("the connection ended before its answer"))

    def _send(self, octets: bytes) -> None:
        self._waiting = asyncio.get_running_loop().call_later(_PATIENCE, self._end, LoadFailed("no answer in time"))
        self._transport.write(octets)

    def _end(self, fault: Exception) -> None:
        self._waiting.cancel()
        if not self.ended.done():
            self.ended.set_exception(fault)


async def _race(port: int, heats: Sequence[bytes], rivals: int) -> list[list[int]]:
    with ExitStack() as stack:
        try:
            connections = [stack.enter_context(await _connect(port)) for _ in range(rivals)]
            return [
                [answer.status for answer in await asyncio.gather(*[_exchange(each, octets) for each in connections])]
                for octets in heats
            ]
        except OSError as fault:
            raise LoadFailed(f"port {port}: {fault!r}") from None


async def _connect(port: int) -> socket.socket:
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    except BaseException:
        connection.close()
        raise
    return connection


async def _exchange(connection: socket.socket, octets: bytes) -> Answer:
    loop, data = asyncio.get_running_loop(), b""
    async with asyncio.timeout(_PATIENCE):
        await loop.sock_sendall(connection, octets)
        while (answer := _parse(data)) is None:
            chunk = await loop.sock_recv(connection, 65_536)
            if not chunk:
                raise LoadFailed("the connection ended before its answer")
            data += chunk
    return answer


def _parse(data: bytes) -> Answer | None:
    """Return the answer that `data` is, or None if that is not all of it."""
    head, gap, body = data.partition(b"\r\n\r\n")
    if not gap or len(body) < _length(head):
        return None
    status, _, lines = head.partition(b"\r\n")
    return Answer(int(status.split()[1]), lines, body)


def _good(answer: Answer) -> Answer:
    if answer.status // 100 not in (2, 3):
        raise LoadFailed(f"an answer is neither 2xx nor 3xx: {answer.status}")
    return answer


def _length(head: bytes) -> int:
    found = _LENGTH.search(head)
    if found is None:
        raise LoadFailed("an answer has no Content-Length")
    return int(found[1])


def _wrk(wrk: str, port: int, request: Request, seconds: int) -> float:
    lines = ['wrk.method = "POST"', f"wrk.body = {json.dumps(request.body.decode())}"]
    lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in request.fields().items()]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write("\n".join(lines))
        script.flush()
        command = [
            wrk,
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{seconds}s",
            "-s",
            script.name,
            f"http://127.0.0.1:{port}{request.path}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30)
    found = re.search(r"Requests/sec: +([\d.]+)", done.stdout)
    if done.returncode or found is None or not float(found[1]) or re.search("Non-2xx|Socket errors", done.stdout):
        raise LoadFailed(f"wrk on {request.path}: {done.stdout}{done.stderr}")
    return float(found[1])
