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

from service.server.eager import run_eagerly
from service.server.exchange import HttpExchange
from service.server.head import BadRequest, Head
from service.server.host import Host
from service.server.reader import RequestReader
from service.server.response import busy, refusal

BODY_BYTES = 65_536
"""The most of a body that waits for the application before the connection stops reading, in bytes."""

PIPELINED = 64
"""The most requests that wait their turn before the connection stops reading."""


class Connection(asyncio.Protocol):
    """One client connection: never upgraded, and never waited for beyond the worker's patience."""

    def __init__(self, worker: Host) -> None:
        self.worker = worker
        self.transport: Any = None
        self.peer: Any = None
        self.server: Any = None
        self._now: Callable[[], float] = worker.loop.time
        self._reader = RequestReader(worker, self._begin)
        self._current: HttpExchange | None = None  # the exchange that the application answers
        self._queue: deque[HttpExchange] = deque()
        self._drained: asyncio.Future[None] | None = None  # while the peer does not read
        self._since = 0.0  # when the present wait for the peer began
        self._closing = False
        self._reading = True
        self._eof = False  # the peer sends no more
        self._fault: BadRequest | None = None  # what ends the connection, after the answers that come before
        self._served = False  # a request was answered before

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
        self._since = self._now()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; whoever waits for its peer is told."""
        self._closing = True
        self.worker.open.discard(self)
        self.resume_writing()
        for exchange in (self._current, self._reader.receiving):
            if exchange is not None:
                exchange.disconnect()
        self._reader.close()
        del self._reader  # it holds this connection
        self._queue.clear()

    def eof_received(self) -> bool:
        """The peer sends no more: what it has asked for is still answered, and nothing is read any more."""
        self._eof = True
        if self._reader.receiving is not None:
            self._reader.receiving.disconnect()
        return not self._closing and (self._current is not None or bool(self._queue))

    def data_received(self, data: bytes) -> None:
        """Read `data`; what follows a close that we began is read and dropped, so that our answer arrives."""
        if self._closing or self._fault is not None:
            return
        reader = self._reader
        if reader.idle and self._served and self._current is None:
            self._since = self._now()
        try:
            reader.feed(data)
        except BadRequest as fault:
            self._refuse(fault)
        else:
            receiving = reader.receiving
            if len(self._queue) > PIPELINED or (receiving is not None and receiving.buffered > BODY_BYTES):
                self._pause_reading()
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

    # Steps

    def _begin(self, head: Head) -> HttpExchange:
        exchange = HttpExchange(self, self.worker, head)
        self._queue.append(exchange)
        return exchange

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
        self._fault, broken = fault, self._reader.receiving
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
        unread = self._fault is not None or not self._reader.idle or self._queue
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
        if waits_for_head and self._reader.idle and not self.worker.accepting:
            return waited > patience / 10
        waiting = waits_for_head or self._drained is not None or (current is not None and not current.complete)
        return waiting and waited > patience * 0.9

    def expire(self) -> None:
        """End the connection, with 408 if a request has begun and has no answer yet; at the second time, for good."""
        if self._closing:
            self.transport.abort()
            return
        current = self._current
        begun = not self._reader.idle if current is None else not (current.complete or current.started)
        if begun:
            self.write(refusal(HTTPStatus.REQUEST_TIMEOUT))
        self._close()
        if current is not None:
            current.disconnect()


def _address(transport: asyncio.BaseTransport, name: str) -> Any:
    """Return host and port, or None for a Unix socket."""
    address = transport.get_extra_info(name)
    return address[:2] if isinstance(address, tuple) else None
