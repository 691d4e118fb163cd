"""A client that sends exactly the bytes it is given (RFC 9112 is for the other side to keep)."""

import json
import re
import socket
import time
from typing import NamedTuple

RESPONSE = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")


class Response(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Raw:
    """One connection to a loopback port."""

    def __init__(self, port: int, seconds: float = 15) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.received = b""
        self.opened = time.monotonic()

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """Send `data`; False if the server has hung up."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def response(self) -> Response | None:
        """Read one response that has a Content-Length; None if the connection ends first."""
        while not (match := RESPONSE.match(self.received)):
            if not self._read():
                return None
        headers = dict(line.split(": ", 1) for line in match.group(2).decode().lower().split("\r\n") if line)
        end = match.end() + int(headers.get("content-length", 0))
        while len(self.received) < end:
            if not self._read():
                return None
        body, self.received = self.received[match.end() : end], self.received[end:]
        return Response(int(match.group(1)), headers, body)

    def responses(self) -> list[Response]:
        """Read responses until the server closes."""
        found = []
        while response := self.response():
            found.append(response)
        return found

    def closed_after(self) -> float:
        """Read until the server closes; return the seconds since the connection was opened."""
        while self._read():
            self.received = b""
        return time.monotonic() - self.opened

    def _read(self) -> bool:
        try:
            data = self.socket.recv(65_536)
        except ConnectionResetError:
            return False
        self.received += data
        return bool(data)


def exchange(port: int, data: bytes, seconds: float = 15) -> list[Response]:
    """Send `data` on a fresh connection and return every response until the server closes it."""
    with Raw(port, seconds) as raw:
        raw.send(data)
        return raw.responses()
