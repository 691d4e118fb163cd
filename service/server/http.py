"""One HTTP/1.1 connection (RFC 9112) on httptools, with bounds on what its peer makes the worker wait for.

The worker's patience, in seconds, bounds the first request head from the moment of accept, each later one from its
first byte, a request body from the end of its head, the idle time between requests, and a response that the peer does
not read. The worker looks at all of its connections in one sweep, so that no request pays for a timer of its own.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from service.server.eager import run_eagerly
from service.server.exchange import Exchange
from service.server.head import FRAMING, BadRequest, Head
from service.server.host import Host
from service.server.response import busy, refusal

HEAD_BYTES = 32_768
"""The most of an unfinished request head, or of the framing of one chunk, that a connection takes, in bytes."""

BODY_BYTES = 65_536
"""The most of a body that waits for the application before the connection stops reading, in bytes."""

PIPELINED = 64
"""The most requests that wait their turn before the connection stops reading."""


class Connection(asyncio.Protocol):
    """One client connection: never upgraded, and never waited for beyond the worker's patience."""

    __slots__ = (
        "__weakref__",
        "_closing",
        "_current",
        "_drained",
        "_eof",
        "_fault",
        "_framing",
        "_head",
        "_head_bytes",
        "_idle",
        "_now",
        "_parser",
        "_progress",
        "_queue",
        "_reading",
        "_receiving",
        "_served",
        "_since",
        "_trailers",
        "peer",
        "server",
        "transport",
        "worker",
    )  # fmt: skip

    def __init__(self, worker: Host) -> None:
        self.worker = worker
        self.transport: Any = None
        self.peer: Any = None
        self.server: Any = None
        self._now: Callable[[], float] = worker.loop.time
        self._parser: HttpRequestParser | None = None
        self._head: Head | None = None  # the head that is being read
        self._receiving: Exchange | None = None  # the exchange whose body is being read
        self._current: Exchange | None = None  # the exchange that the application answers
        self._queue: deque[Exchange] = deque()
        self._drained: asyncio.Future[None] | None = None  # while the peer does not read
        self._since = 0.0  # when the present wait for the peer began
        self._idle = True  # no byte of the next request has come
        self._closing = False
        self._reading = True
        self._eof = False  # the peer sends no more
        self._fault: BadRequest | None = None  # what ends the connection, after the answers that come before
        self._head_bytes = 0
        self._served = False  # a request was answered before
        self._framing = 0  # bytes since a body made progress
        self._progress = False
        self._trailers = 0

    # What the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or answer 503 and hang up where the worker has `worker_connections` already."""
        self.transport = transport
        worker = self.worker
        if len(worker.open) >= worker.worker_connections:
            worker.refused += 1
            self._closing = True
            self.transport.write(busy())
            self.transport.close()
            return
        worker.open.add(self)
        self.peer, self.server = _address(transport, "peername"), _address(transport, "sockname")
        self._parser = HttpRequestParser(self)
        self._since = self._now()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; whoever waits for its peer is told."""
        self._closing = True
        self._parser = None  # the parser holds this connection: without it the two go at once, not with the garbage
        self.worker.open.discard(self)
        self.resume_writing()
        for exchange in (self._current, self._receiving):
            if exchange is not None:
                exchange.disconnect()
        self._queue.clear()

    def eof_received(self) -> bool:
        """The peer sends no more: what it has asked for is still answered, and nothing is read any more."""
        self._eof = True
        if self._receiving is not None:
            self._receiving.disconnect()
        return not self._closing and (self._current is not None or bool(self._queue))

    def data_received(self, data: bytes) -> None:
        """Parse `data`; what follows a close that we began is read and dropped, so that our answer arrives."""
        if self._closing or self._fault is not None:
            return
        if self._idle:
            if data[:1] in (b"\r", b"\n"):
                data = data.removeprefix(b"\r\n")  # one empty line before a request (RFC 9112 section 2.2)
                if data[:1] in (b"\r", b"\n"):
                    self._refuse(BadRequest(HTTPStatus.BAD_REQUEST, "empty lines"))
                    return
                if not data:
                    return
            self._idle = False
            if self._current is None and self._served:
                self._since = self._now()
        try:
            self._feed(data)
        except BadRequest as fault:
            self._refuse(fault)
        if self._current is None and self._queue:
            self._next()

    def pause_writing(self) -> None:
        """The peer has stopped reading: its time runs."""
        self._since = self._now()
        self._drained = self.worker.loop.create_future()

    def resume_writing(self) -> None:
        """The peer reads again, or is gone."""
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None

    # What the parser tells

    def on_message_begin(self) -> None:
        self._head = Head()
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._head.target += url  # type: ignore[union-attr]
        if len(self._head.target) > self.worker.line_limit:  # type: ignore[union-attr]
            self._fail(HTTPStatus.REQUEST_URI_TOO_LONG, "the request line is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        head, size = self._head, len(name) + len(value)
        if head is None:  # a trailer
            self._trailers += 1
            if name.lower() in FRAMING:
                self._fail(HTTPStatus.BAD_REQUEST, "a framing field in the trailer")
            if self._trailers > self.worker.fields_limit or size > self.worker.field_limit:
                self._fail(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the trailer is too long")
            return
        head.headers.append((name.lower(), value))
        if size > self.worker.field_limit or len(head.headers) > self.worker.fields_limit:
            self._fail(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "a header field is too long, or there are too many")

    def on_headers_complete(self) -> None:
        head = self._head
        try:
            head.complete(self._parser)  # type: ignore[union-attr, arg-type]
        except BadRequest as fault:
            self._fault = fault
            raise
        self._head, self._trailers, self._framing = None, 0, 0
        self._receiving = Exchange(self, self.worker, head)  # type: ignore[arg-type]
        self._queue.append(self._receiving)

    def on_body(self, body: bytes) -> None:
        self._progress = True
        self._receiving.feed(body)  # type: ignore[union-attr]

    def on_message_complete(self) -> None:
        self._receiving.end()  # type: ignore[union-attr]
        self._receiving = None
        self._idle = True

    def _fail(self, status: HTTPStatus, reason: str) -> None:
        self._fault = BadRequest(status, reason)
        raise self._fault

    # Steps

    def _feed(self, data: bytes) -> None:
        """Parse `data`.

        Raises:
            BadRequest
        """
        body_of, self._progress = self._receiving, False
        while data:
            try:
                self._parser.feed_data(data)  # type: ignore[union-attr]
                break
            except HttpParserUpgrade as upgrade:  # ignored (RFC 9110 section 7.8): what follows is HTTP again
                data = data[upgrade.args[0] :]
                self._parser = HttpRequestParser(self)
                self._idle = not data
            except HttpParserError as fault:
                raise self._fault or BadRequest(_status_of(fault), str(fault)) from None
        if self._head is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too long")
            if b"\n" in data and self._parser.get_http_version() == "0.0":  # type: ignore[union-attr]
                raise BadRequest(HTTPStatus.BAD_REQUEST, "not HTTP/1.0 or HTTP/1.1")
        elif self._receiving is not None:
            self._framing = 0 if self._progress or self._receiving is not body_of else self._framing + len(data)
            if self._framing > HEAD_BYTES:
                raise BadRequest(HTTPStatus.BAD_REQUEST, "the framing of a chunk is too long")
            if self._receiving.buffered > BODY_BYTES:
                self._pause_reading()
        if len(self._queue) > PIPELINED:
            self._pause_reading()

    def _next(self) -> None:
        """Have the application answer the next request."""
        if self._current is None and self._queue and not self._closing:
            self._current = self._queue.popleft()
            self._since = self._now()
            if not self._reading and len(self._queue) <= PIPELINED:
                self.resume_reading()
            run_eagerly(self._current.run(), self.worker.loop)

    def finished(self, *, close: bool) -> None:
        """The present exchange is over; `close` ends the connection."""
        self._current = None
        self._served = True
        if self._closing:
            return
        self._since = self._now()
        if close or self._eof:
            self._close()
        elif self._queue:
            self.worker.loop.call_soon(self._next)  # whoever pipelines lets the others have their turn
        elif self._fault is not None:
            self.write(refusal(self._fault.status))
            self._close()

    def _refuse(self, fault: BadRequest) -> None:
        """Answer 400 or the like, once what came before has been answered, and close."""
        self.worker.log.info("bad request from %s: %s", self.peer and self.peer[0], fault.reason)
        self._fault, broken, self._receiving = fault, self._receiving, None
        self._parser = None
        if broken is not None and broken is self._current:
            if not broken.started:
                self.write(refusal(fault.status))
            self._close()
            broken.disconnect()
            return
        if broken is not None:
            self._queue.remove(broken)
        if self._current is None and not self._queue:
            self.write(refusal(fault.status))
            self._close()

    def write(self, data: bytes) -> None:
        """Send `data`, unless the connection is about to end."""
        if not self._closing:
            self.transport.write(data)

    def drained(self) -> asyncio.Future[None] | None:
        """Return what to wait for while the peer does not read."""
        return self._drained

    def _pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on reading."""
        if not self._reading and not self._closing:
            self._reading = True
            self.transport.resume_reading()

    def _close(self) -> None:
        """Close in two steps (RFC 9112 section 9.6) while the peer may still be sending.

        A socket closed over unread bytes sends a reset, which can overtake the answer. So the connection stops writing,
        drops what comes, and leaves the second step to the peer or to the sweep.
        """
        if self._closing:
            return
        unread = self._fault is not None or not self._idle or self._queue
        self.resume_reading()
        self._closing = True
        self._since = self._now()
        self._queue.clear()
        if unread and not self._eof and not self.transport.is_closing():
            self.transport.write_eof()
        else:
            self.transport.close()

    # For the worker's sweep

    def overdue(self, now: float) -> bool:
        """Tell whether the peer, not the application, is what we wait for, and has been for too long."""
        waited, patience = now - self._since, self.worker.patience
        if self._closing:
            return waited > patience / 5
        current = self._current
        waits_for_head = current is None and not self._queue
        if waits_for_head and self._idle and not self.worker.accepting:
            return waited > patience / 10
        waiting = waits_for_head or self._drained is not None or (current is not None and not current.complete)
        return waiting and waited > patience * 0.9

    def expire(self) -> None:
        """End the connection, with 408 if a request has begun and has no answer yet; at the second time, for good."""
        if self._closing:
            self.transport.abort()
            return
        current = self._current
        begun = not self._idle if current is None else not (current.complete or current.started)
        if begun:
            self.write(refusal(HTTPStatus.REQUEST_TIMEOUT))
        self._close()
        if current is not None:
            current.disconnect()


def _address(transport: asyncio.BaseTransport, name: str) -> Any:
    """Return host and port, or None for a Unix socket."""
    address = transport.get_extra_info(name)
    return address[:2] if isinstance(address, tuple) else None


def _status_of(fault: HttpParserError) -> HTTPStatus:
    return HTTPStatus.NOT_IMPLEMENTED if str(fault) == "Empty Transfer-Encoding" else HTTPStatus.BAD_REQUEST
