"""One HTTP/1.1 connection (RFC 9112) with an end: gunicorn's, with bounds on what its peer makes us wait for.

The worker's patience, in seconds, bounds the first request head from the moment of accept, each later one from its
first byte, a request body from the end of its head, the idle time between requests, and a response that is not being
read. The worker looks at all of its connections in one sweep, so that a request pays for no timer of its own.
"""

# mypy: disable-error-code="no-untyped-call, union-attr"
# gunicorn has no annotations.

import asyncio
import re
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Protocol

from gunicorn.asgi import parser as parsing
from gunicorn.asgi import protocol

HEAD_BYTES = 32_768
"""The most of an unfinished request head that a connection holds, in bytes."""

BODY_BYTES = 65_536
"""The most of a body or a pipelined request that waits for the application before reading pauses, in bytes."""

_ABSOLUTE = re.compile(rb"(?i)https?://[0-9a-z._:\[\]-]+([/?].*)?")
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nCache-Control: no-store\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class ConnectionHost(Protocol):
    """What a connection asks of the worker that accepted it; `patience` is in seconds."""

    alive: bool
    asgi: Any
    connections: "set[Connection]"
    endpoints: Mapping[str, Any]
    loop: asyncio.AbstractEventLoop
    nr_conns: int
    patience: float
    refused: int
    worker_connections: int


class Connection(protocol.ASGIProtocol):
    """One client connection: never upgraded, and never waited for beyond the worker's patience."""

    worker: ConnectionHost

    _since = 0.0  # when the present wait for the peer began
    _idle = True  # no byte of the next request has come
    _answered = False  # the response to the present request has begun
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or answer 503 and hang up where the worker has `worker_connections` already."""
        if self.worker.nr_conns >= self.worker.worker_connections:
            self._closed = self._conn_lost_handled = True  # never counted, so never to be uncounted
            self.worker.refused += 1
            transport.write(_BUSY)
            transport.close()
            return
        self._now = self.worker.loop.time
        self._since = self._now()
        self._max_buffer_size = BODY_BYTES
        super().connection_made(transport)
        self.worker.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and wake whoever still waits for its next request."""
        self.worker.connections.discard(self)
        if self._current_request is None:
            self._task = None  # it only waits for a request, and ends below: gunicorn would keep it for seconds
        super().connection_lost(exc)
        if self._request_ready:
            self._request_ready.set()
        if self._current_request is None:
            self._callback_parser = None  # whose callbacks hold this connection: it goes now, not with the garbage

    def data_received(self, data: bytes) -> None:
        """Parse `data`; what follows a close that we began is read and dropped, so that our answer arrives."""
        if self._closed or not self._feed_callback_parser(data):
            return
        parser = self._callback_parser
        if self._current_request is None:
            if self._idle:
                self._idle = False
                if self.req_count > 1:
                    self._since = self._now()
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._send_error_response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "")
                self._close_transport()
        elif (parser._buffer or not parser.is_complete) and self._http1_buffered() > BODY_BYTES:
            self._pause_reading()

    def pause_writing(self) -> None:
        """The peer has stopped reading: its time runs."""
        self._since = self._now()
        super().pause_writing()

    def overdue(self, now: float) -> bool:
        """Whether the peer, not the application, is what we wait for, and has been for too long."""
        waited, patience = now - self._since, self.worker.patience
        if self._closed:
            return waited > patience / 5
        if self._idle and not self.worker.alive:
            return waited > patience / 10
        waiting = (
            self._flow_control.write_paused
            or (self._current_request is None and not self._finishing_calls)
            or (self._body_receiver is not None and not self._body_receiver._complete)
        )
        return bool(waiting) and waited > patience * 0.9

    def expire(self) -> None:
        """End the connection, with 408 if a request has begun and has no answer yet; at the second time, for good."""
        if self._closed:
            self.transport.abort()
            return
        if not (self._idle or self._answered):
            self._send_error_response(HTTPStatus.REQUEST_TIMEOUT, "")
        self._close_transport()
        self.transport.close()

    # What follows refines steps of gunicorn's own connection handling.

    async def _serve_http_request(self, request: Any, sockname: Any, peername: Any) -> bool:
        """Serve a request, and tell whether the connection may be kept alive.

        One that is here as a whole, for an endpoint that answers as a whole, needs no task of its own and no events of
        ASGI: they would cost more than all that Satchel does for a token beside the signature.
        """
        endpoint = self.worker.endpoints.get(request.path)
        receiver = self._body_receiver
        whole = receiver._complete and len(receiver._chunks) == 1 and receiver.buffered <= BODY_BYTES
        if endpoint is None or not whole or request.method != "POST":
            return bool(await super()._serve_http_request(request, sockname, peername))
        scope = {  # as much of ASGI's as such an endpoint reads
            "method": "POST",
            "path": request.path,
            "query_string": request.query.encode("latin-1"),
            "headers": request.headers_bytes,
            "client": peername,
            "server": sockname,
        }
        body = receiver._pop_chunk()["body"]
        try:
            status, headers, content = await self.worker.asgi.answer(endpoint, scope, body)
            fields = b"".join([_field(*field) if len(field[1]) < 40 else _long_field(*field) for field in headers])
        except Exception:
            self.log.exception("Error in the application")
            self._send_error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "")
            return False
        if self._closed:
            return False
        close = b"Connection: close\r\n" if self._will_close(request, False) else b""
        begin, date = protocol._get_cached_status_line(request.version, status), protocol._get_cached_date_header()
        head = b"%b%bContent-Length: %d\r\n%b%b\r\n" % (begin, fields, len(content), date, close)
        self._safe_write(head + content)
        if self._flow_control.write_paused:
            await self._flow_control.drain()
        elif self._callback_parser._buffer:
            await asyncio.sleep(0)  # whoever pipelines lets the others have their turn
        return not close

    def _on_headers_complete(self) -> bool:
        """Refuse a request without Host (RFC 9112 section 3.2), which the parser lets through; find the path."""
        parser = self._callback_parser
        if not parser.path.startswith(b"/"):
            parser.path = _origin_form(parser.path)
        for name, _ in parser.headers:
            if name == b"host":
                break
        else:
            if parser.http_version >= (1, 1):
                raise parsing.InvalidHeader("Missing Host header")
        self._since = self._now()
        self._idle = self._answered = False
        self._head_bytes = 0
        super()._on_headers_complete()
        return False  # every body is parsed, wanted or not

    def _arm_keepalive_timer(self) -> None:
        """The wait for the next request begins; the sweep is the timer."""
        self._since = self._now()
        self._answered = False
        self._idle = self._callback_parser.method is None and not self._callback_parser._buffer

    def _is_websocket_upgrade(self, request: parsing.CallbackRequest) -> bool:
        """Never: RFC 9110 section 7.8 lets a server ignore Upgrade, and the request is served as it stands."""
        return False

    def _will_close(self, request: parsing.CallbackRequest, response_requires_close: bool) -> bool:
        """Asked when a response begins. One that is ahead of its request's body announces the close it leads to."""
        self._answered = True
        return not self._body_receiver._complete or super()._will_close(request, response_requires_close)

    def _send_error_response(self, status: int, message: str, extra_headers: Any = ()) -> None:
        """Answer with the bare phrase: gunicorn's `message` can quote the request, or an application's failure."""
        headers = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), *extra_headers)
        super()._send_error_response(status, HTTPStatus(status).phrase, headers)

    def _close_transport(self) -> None:
        """Close in two steps (RFC 9112 section 9.6) while the peer may still be sending.

        A socket closed over unread bytes sends a reset, which can overtake the answer. So we stop writing, drop what
        comes, and leave the second step to the peer or to the sweep.
        """
        if self._closed:
            return
        self._closed = True
        self._since = self._now()
        if self._body_receiver is not None:
            self._body_receiver.signal_disconnect()
        self._request_ready.set()
        self._resume_reading()
        if not self.transport.is_closing():
            self.transport.write_eof()
        if self._callback_parser.is_complete and not self._callback_parser._buffer:
            self.transport.close()


def _origin_form(target: bytes) -> bytes:
    """Return `target` without scheme and authority (RFC 9112 section 3.2.2), if it has them: we are who is meant."""
    found = _ABSOLUTE.fullmatch(target)
    if found is None:
        return target
    rest: bytes = found[1] or b""
    return rest if rest.startswith(b"/") else b"/" + rest


def _long_field(name: bytes, value: bytes) -> bytes:
    """Return a header field (RFC 9112 section 5); raises what gunicorn raises for one that would break the framing."""
    protocol._validate_response_headers(((name, value),))
    return b"%b: %b\r\n" % (name, value)


_field = lru_cache(256)(_long_field)  # no cookie and no redirect with a code in it is short, so none is kept
