"""Reads the requests of one connection with httptools (RFC 9112 sections 2 to 7), within limits."""

from collections.abc import Callable
from http import HTTPStatus

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from service.server.exchange import HttpExchange
from service.server.head import FRAMING, BadRequest, Head
from service.server.host import Host

HEAD_BYTES = 32_768
"""The most of an unfinished request head, or of the framing of one chunk, that a connection takes, in bytes."""


class RequestReader:
    """Calls `begin` with each complete head; the body goes to the exchange that `begin` returns.

    `receiving` is the exchange whose body is being read. `idle` tells that no byte of the next request has come.
    """

    __slots__ = (
        "_begin", "_body_framing", "_fault", "_framing", "_head", "_head_bytes", "_host", "_parser", "_progress",
        "_replaying", "_trailers", "idle", "receiving",
    )  # fmt: skip

    def __init__(self, host: Host, begin: Callable[[Head], HttpExchange]) -> None:
        self.idle = True
        self.receiving: HttpExchange | None = None
        self._host = host
        self._begin = begin
        self._parser: HttpRequestParser = HttpRequestParser(self)
        self._fault: BadRequest | None = None  # what a callback has found
        self._head: Head | None = None
        self._head_bytes = 0
        self._framing = 0  # bytes since the body made progress
        self._progress = False
        self._trailers = 0
        self._body_framing = b""  # of a body that follows a request for an upgrade
        self._replaying = False  # the parser reads that framing

    def close(self) -> None:
        """Let go of the parser, which holds this reader: without it the two go at once, not with the garbage."""
        self._parser = self.receiving = None  # type: ignore[assignment]

    def feed(self, data: bytes) -> None:
        """Read `data`.

        Raises:
            BadRequest: nothing may be fed after it.
        """
        if self.idle:
            data = _without_empty_line(data)
            self.idle = not data
        body_of, self._progress = self.receiving, False
        while data:
            try:
                self._parser.feed_data(data)
                break
            except HttpParserUpgrade as upgrade:
                self._ignore_upgrade()
                data = data[upgrade.args[0] :]
                self.idle = not data and self.receiving is None
            except HttpParserError as fault:
                raise self._fault or BadRequest(_status_of(fault), str(fault)) from None
        if self._head is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too long")
            if b"\n" in data and self._parser.get_http_version() == "0.0":
                raise BadRequest(HTTPStatus.BAD_REQUEST, "not HTTP/1.0 or HTTP/1.1")
        elif self.receiving is not None:
            self._framing = 0 if self._progress or self.receiving is not body_of else self._framing + len(data)
            if self._framing > HEAD_BYTES:
                raise BadRequest(HTTPStatus.BAD_REQUEST, "the framing of a chunk is too long")

    def _ignore_upgrade(self) -> None:
        """Go on with HTTP/1.1 (RFC 9110 section 7.8): with the body of the request, if it has one, and then the next.

        The parser stops where an upgrade is asked for. A new one is told the framing of the body.
        """
        self._parser = HttpRequestParser(self)
        if self._body_framing:
            self._replaying, framing, self._body_framing = True, self._body_framing, b""
            self._parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")

    def _fail(self, status: HTTPStatus, reason: str) -> None:
        self._fault = BadRequest(status, reason)
        raise self._fault

    # What the parser calls

    def on_message_begin(self) -> None:
        if not self._replaying:
            self._head = Head()
            self._head_bytes = 0
            self.idle = False

    def on_url(self, url: bytes) -> None:
        head = self._head
        if head is not None:
            head.target += url
            if len(head.target) > self._host.line_limit:
                self._fail(HTTPStatus.REQUEST_URI_TOO_LONG, "the request line is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        head, size = self._head, len(name) + len(value)
        if head is not None:
            head.headers.append((name.lower(), value))
            if size > self._host.field_limit or len(head.headers) > self._host.fields_limit:
                self._fail(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "a field is too long, or there are too many")
        elif not self._replaying:
            self._trailers += 1
            if name.lower() in FRAMING:
                self._fail(HTTPStatus.BAD_REQUEST, "a framing field in the trailer")
            if size > self._host.field_limit or self._trailers > self._host.fields_limit:
                self._fail(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the trailer is too long")

    def on_headers_complete(self) -> None:
        head = self._head
        if head is None:  # the framing that was replayed
            self._replaying = False
            return
        try:
            head.complete(self._parser)
        except BadRequest as fault:
            self._fault = fault
            raise
        self._head, self._trailers, self._framing = None, 0, 0
        self._body_framing = head.framing if self._parser.should_upgrade() else b""
        self.receiving = self._begin(head)

    def on_body(self, body: bytes) -> None:
        self._progress = True
        self.receiving.feed(body)  # type: ignore[union-attr]

    def on_message_complete(self) -> None:
        if not self._body_framing:  # else the parser takes the request for an upgrade for the end of the message
            self.receiving.end()  # type: ignore[union-attr]
            self.receiving = None
            self.idle = True


def _without_empty_line(data: bytes) -> bytes:
    """Return `data` without the one empty line that may come before a request (RFC 9112 section 2.2).

    Raises:
        BadRequest: there are more.
    """
    if data[:1] not in (b"\r", b"\n"):
        return data
    data = data.removeprefix(b"\r\n")
    if data[:1] in (b"\r", b"\n"):
        raise BadRequest(HTTPStatus.BAD_REQUEST, "empty lines")
    return data


def _status_of(fault: HttpParserError) -> HTTPStatus:
    return HTTPStatus.NOT_IMPLEMENTED if str(fault) == "Empty Transfer-Encoding" else HTTPStatus.BAD_REQUEST
