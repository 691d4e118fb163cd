"""One request and its response, as ASGI sees them (ASGI HTTP 2.4)."""

import asyncio
from http import HTTPStatus
from typing import Any, Protocol

from service.server import response
from service.server.head import Head
from service.server.host import Host

WHOLE_BYTES = 65_536
"""The most of a body, in bytes, that the application is given without ASGI's events."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_NO_CONTENT = frozenset({204, 304})


class Wire(Protocol):
    """What an exchange asks of its connection."""

    peer: Any
    server: Any

    def write(self, data: bytes) -> None:
        """Send `data`."""

    def drained(self) -> "asyncio.Future[None] | None":
        """Return what to wait for while the peer does not read."""

    def resume_reading(self) -> None:
        """Go on reading a body."""

    def finished(self, *, close: bool) -> None:
        """The exchange is over; `close` ends the connection."""


class HttpExchange:
    """A request whose body may still be coming, and its response."""

    __slots__ = (
        "_body", "_chunked", "_close", "_fields", "_gone", "_head", "_read", "_status", "_waiter", "_worker",
        "buffered", "complete", "started", "wire",
    )  # fmt: skip

    def __init__(self, wire: Wire, worker: Host, head: Head) -> None:
        self.wire = wire
        self.started = False  # the response has begun
        self.complete = False  # the body is there
        self.buffered = 0
        self._worker = worker
        self._head = head
        self._body: list[bytes] = []
        self._gone = False
        self._waiter: asyncio.Future[None] | None = None
        self._status = 0
        self._fields: response.Fields = ()
        self._close = self._chunked = False
        self._read = False  # the application has all of the body

    # From the connection

    def feed(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body.append(body)
        self.buffered += len(body)
        self._wake()

    def end(self) -> None:
        """The body is complete."""
        self.complete = True
        self._wake()

    def disconnect(self) -> None:
        """The peer is gone, or its body is broken."""
        self._gone = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def run(self) -> None:
        """Have the application answer."""
        worker, head = self._worker, self._head
        try:
            scope = head.scope(self.wire.peer, self.wire.server)
            endpoint = worker.endpoints.get(scope["path"])
            if endpoint is not None and head.method == "POST" and self._is_whole():
                self._respond(*await worker.application.answer(endpoint, scope, self._body[0]))
                await self._drain()
            else:
                scope["state"] = worker.state.copy()
                await worker.application(scope, self.receive, self.send)
                if not self.started and not self._gone:
                    raise RuntimeError("the application has not answered")
        except Exception:
            worker.log.exception("Error in the application")
            if not self.started and not self._gone:
                self.wire.write(response.refusal(HTTPStatus.INTERNAL_SERVER_ERROR))
            self._close = True
        finally:
            self.wire.finished(close=self._close or not self.complete)

    def _is_whole(self) -> bool:
        return self.complete and len(self._body) == 1 and self.buffered <= WHOLE_BYTES

    def _respond(self, status: int, fields: response.Fields, content: bytes) -> None:
        self._close = self._must_close()
        framing = b"Content-Length: %d\r\n" % len(content)
        data = response.head(status, fields, framing, close=self._close) + content
        self.started = True
        self.wire.write(data)

    def _must_close(self) -> bool:
        return not (self._head.keep_alive and self.complete and self._worker.accepting)

    async def _drain(self) -> None:
        drained = self.wire.drained()
        if drained is not None:
            await drained

    # For the application

    async def receive(self) -> dict[str, Any]:
        """Return the next event: the body that has come since the last one, or that the peer is gone."""
        if self._head.expects_continue and not (self.complete or self.started or self._body):
            self._head.expects_continue = False
            self.wire.write(_CONTINUE)
        while not self._gone and (self._read or not (self._body or self.complete)):
            self.wire.resume_reading()
            self._waiter = self._worker.loop.create_future()
            await self._waiter
        if self._gone:
            return {"type": "http.disconnect"}
        body, self._body, self.buffered, self._read = b"".join(self._body), [], 0, self.complete
        return {"type": "http.request", "body": body, "more_body": not self.complete}

    async def send(self, event: dict[str, Any]) -> None:
        """Send an event of the response.

        Raises:
            InvalidResponseHeader
            RuntimeError: the events come out of order.
        """
        if event["type"] == "http.response.start":
            if self._status:
                raise RuntimeError("the response has begun already")
            self._status, self._fields = event["status"], event.get("headers", ())
            return
        if event["type"] != "http.response.body" or not self._status:
            raise RuntimeError(f"unexpected event {event['type']}")
        if self._gone:
            return
        body, more = event.get("body", b""), event.get("more_body", False)
        data = b"" if self.started else self._begin(len(body), more)
        if self._head.method != "HEAD" and self._status not in _NO_CONTENT:
            data += b"%x\r\n%b\r\n" % (len(body), body) if self._chunked and body else body
            if self._chunked and not more:
                data += b"0\r\n\r\n"
        self.started = True
        if data:
            self.wire.write(data)
        await self._drain()

    def _begin(self, length: int, more: bool) -> bytes:
        fields, announced = [], False
        self._close = self._must_close()
        for name, value in self._fields:
            lower = name.lower()
            if lower == b"connection":
                self._close |= value.lower() == b"close"
                continue
            announced |= lower == b"content-length"
            fields.append((name, value))
        framing = b""
        if not announced and self._status not in _NO_CONTENT:
            if not more:
                framing = b"Content-Length: %d\r\n" % length
            elif self._head.version == "1.1":
                framing, self._chunked = b"Transfer-Encoding: chunked\r\n", True
            else:
                self._close = True
        return response.head(self._status, fields, framing, close=self._close)
