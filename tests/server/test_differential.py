"""Generated and mutated requests, read by our connection and by a plain reading of RFC 9112: none is split differently.

Our connection may refuse what the plain reading accepts. It must never see another request than the plain reading sees,
for that is how one proxy's body becomes the next one's request (attack 81).
"""

import asyncio
import logging
import random
import re
from types import SimpleNamespace
from typing import Any

import pytest

from service.server.http import Connection

Seen = list[tuple[str, str, bytes]]

_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) +([\x21-\x7e]+) +HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?")


def plain_reading(data: bytes) -> Seen:
    """The complete requests in `data`, up to the first that RFC 9112 does not allow or that closes the connection."""
    seen: Seen = []
    while True:
        data = data.removeprefix(b"\r\n")
        head, end, rest = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        line = _LINE.fullmatch(lines[0])
        fields = [_FIELD.fullmatch(each) for each in lines[1:]]
        if not end or line is None or None in fields:
            return seen
        named = [(field[1].lower(), field[2]) for field in fields if field is not None]
        coding = [value.lower() for name, value in named if name == b"transfer-encoding"]
        length = [value for name, value in named if name == b"content-length"]
        if (coding and (length or line[3] == b"0" or coding != [b"chunked"])) or len(length) > 1:
            return seen
        if length and re.fullmatch(rb"[0-9]+", length[0]) is None:
            return seen
        if coding:
            unchunked = _unchunked(rest)
            if unchunked is None:
                return seen
            body, data = unchunked
        else:
            size = int(length[0]) if length else 0
            if len(rest) < size:
                return seen
            body, data = rest[:size], rest[size:]
        seen.append((line[1].decode(), line[2].decode(), body))
        connection = b",".join(value.lower() for name, value in named if name == b"connection")
        options = [option.strip() for option in connection.split(b",")]
        if b"close" in options or (line[3] == b"0" and b"keep-alive" not in options):
            return seen


def _unchunked(data: bytes) -> tuple[bytes, bytes] | None:
    body = b""
    while True:
        line, end, rest = data.partition(b"\r\n")
        chunk = _CHUNK.fullmatch(line)
        if not end or chunk is None:
            return None
        size = int(chunk[1], 16)
        if size == 0:
            while True:
                line, end, rest = rest.partition(b"\r\n")
                if not end or (line and _FIELD.fullmatch(line) is None):
                    return None
                if not line:
                    return body, rest
        if len(rest) < size + 2 or rest[size : size + 2] != b"\r\n":
            return None
        body, data = body + rest[:size], rest[size + 2 :]


class Transport(asyncio.Transport):
    """A socket without a network, whose bytes are kept."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 5), "sockname": ("127.0.0.1", 8000)})
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def write_eof(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def our_reading(data: bytes, cut: int) -> tuple[Seen, bytes]:
    """The requests that our connection hands to the application, and what it has written."""
    seen: Seen = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            body, more = body + event["body"], event["more_body"]
        seen.append((scope["method"], (scope["raw_path"] + b"?" + scope["query_string"]).decode(), body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    loop = asyncio.get_running_loop()
    host: Any = SimpleNamespace(
        log=logging.getLogger(), loop=loop, application=application, endpoints={}, open=set(), refused=0, state={},
        worker_connections=10, line_limit=4094, field_limit=8190, fields_limit=100, patience=10.0, accepting=True,
    )  # fmt: skip
    connection, transport = Connection(host), Transport()
    connection.connection_made(transport)
    for part in (data[:cut], data[cut:]):
        if part:
            loop.call_soon(connection.data_received, part)
            await asyncio.sleep(0)
    for _ in range(40):
        await asyncio.sleep(0)
    connection.connection_lost(None)
    await asyncio.sleep(0)
    return seen, transport.written


LINES = (
    b"GET /a HTTP/1.1",
    b"POST /b?c=d HTTP/1.1",
    b"POST /e HTTP/1.0",
    b"PUT /f HTTP/1.1",
    b"GET  /g HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
)
FIELDS = (
    b"Host: a", b"Host: a:80", b"X: b", b"Content-Length: 3", b"Content-Length: 03", b"Content-Length: 0",
    b"content-length:5", b"Content-Length: 3, 3", b"Content-Length: +3", b"Content-Length: 99999999999999999999999",
    b"Transfer-Encoding: chunked", b"transfer-encoding: Chunked", b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: gzip", b"Transfer-Encoding : chunked", b"Transfer-Encoding:\tchunked", b"Connection: close",
    b"Connection: keep-alive", b"Connection: Upgrade", b"Upgrade: h2c", b"Expect: 100-continue", b" folded",
    b"X_Y: z", b"Content-Length : 3", b"Trailer: X",
)  # fmt: skip
BODIES = (
    b"", b"abc", b"abcde", b"3\r\nabc\r\n0\r\n\r\n", b"3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n", b"0\r\n\r\n",
    b"3\nabc\r\n0\r\n\r\n", b"03\r\nabc\r\n00\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"3 \r\nabc\r\n0\r\n\r\n",
    b"g\r\nabc\r\n0\r\n\r\n", b"0\r\nContent-Length: 3\r\n\r\n", b"FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabc\r\n0\r\n\n",
)  # fmt: skip
BYTES = (b"\r", b"\n", b"\r\n", b" ", b"\t", b"\0", b":", b";", b"0", b"\x0b", b"\xff", b",")


def generated(dice: random.Random) -> bytes:
    """Some requests in a row, and a few bytes changed in a part of them."""
    data = b""
    for _ in range(dice.randint(1, 3)):
        fields = [b"Host: a"] if dice.random() < 0.9 else []
        fields += dice.sample(FIELDS, dice.choice((0, 1, 1, 2, 3)))
        dice.shuffle(fields)
        data += b"\r\n".join([dice.choice(LINES), *fields, b"", b""]) + dice.choice(BODIES)
    data += b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" * (dice.random() < 0.3)
    for _ in range(dice.choice((0, 0, 1, 1, 2))):
        at = dice.randrange(len(data))
        data = data[:at] + dice.choice(BYTES) + data[at + dice.choice((0, 1)) :]
    return data


PIPELINED = (
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n"
)


@pytest.mark.parametrize("cut", range(len(PIPELINED)))
def test_where_the_network_cuts_does_not_matter(cut: int) -> None:
    seen, _ = asyncio.run(our_reading(PIPELINED, cut))
    assert [path for _, path, _ in seen] == ["*?", "/b?", "/c?"]


UPGRADE = (
    b"POST /b HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
)


@pytest.mark.parametrize(
    ("framing", "body"),
    [(b"Content-Length: 3", b"abc"), (b"Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n")],
    ids=["length", "chunked"],
)
@pytest.mark.parametrize("cut", [0, 60, 140, 165, 172])
def test_81_the_body_of_a_request_for_an_upgrade_is_no_request(framing: bytes, body: bytes, cut: int) -> None:
    data = UPGRADE + framing + b"\r\n\r\n" + body + b"GET /c HTTP/1.1\r\nHost: a\r\n\r\n"
    seen, _ = asyncio.run(our_reading(data, cut))
    assert seen == [("POST", "/b?", b"abc"), ("GET", "/c?", b"")]


@pytest.mark.slow
def test_81_twenty_thousand_requests_are_split_as_the_rfc_says() -> None:
    dice, complete, refused = random.Random(81), 0, 0

    async def all_of_them() -> None:
        nonlocal complete, refused
        for _ in range(20_000):
            data = generated(dice)
            expected = [
                (method, target if "?" in target else f"{target}?", body)
                for method, target, body in plain_reading(data)
            ]
            seen, written = await our_reading(data, dice.randrange(len(data) + 1))
            assert seen == expected[: len(seen)], data
            if len(seen) < len(expected):
                assert b"HTTP/1.1 400" in written or b"HTTP/1.1 501" in written, data
            assert b"HTTP/1.1 500" not in written, data
            complete += len(seen)
            refused += len(expected) - len(seen)

    asyncio.run(all_of_them())
    assert complete > 5_000
    assert refused < complete / 2
