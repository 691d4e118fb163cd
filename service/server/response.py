"""Response heads (RFC 9112 sections 4 and 5, RFC 9110 section 15)."""

import re
import time
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus

_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_A_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_CLOSE = b"Connection: close\r\n"

Fields = Iterable[tuple[bytes, bytes]]


class InvalidResponseHeader(Exception):
    """The application has sent a header field that would break the framing of its response."""


def head(status: int, fields: Fields, framing: bytes, *, close: bool) -> bytes:
    """Return the head of a response; `framing` is its Content-Length or Transfer-Encoding, as lines.

    Raises:
        InvalidResponseHeader
    """
    lines = b"".join([_field(*field) if len(field[1]) < 40 else _long_field(*field) for field in fields])
    return b"%b%b%b%b%b\r\n" % (_status_line(status), lines, framing, _date(int(time.time())), _CLOSE if close else b"")


def refusal(status: HTTPStatus) -> bytes:
    """Return a response of the server itself, after which the connection closes: the bare phrase, quoting nothing."""
    phrase = status.phrase.encode()
    fields = (
        (b"Content-Type", b"text/plain"),
        (b"Cache-Control", b"no-store"),
        (b"X-Content-Type-Options", b"nosniff"),
    )
    return head(status, fields, b"Content-Length: %d\r\n" % len(phrase), close=True) + phrase


def busy() -> bytes:
    """Return the response to a connection beyond those that the worker takes."""
    fields = ((b"Retry-After", b"1"), (b"Cache-Control", b"no-store"))
    return head(HTTPStatus.SERVICE_UNAVAILABLE, fields, b"Content-Length: 0\r\n", close=True)


@lru_cache(64)
def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


@lru_cache(2)
def _date(second: int) -> bytes:
    return time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime(second)).encode()


def _long_field(name: bytes, value: bytes) -> bytes:
    if _FIELD_NAME.fullmatch(name) is None or _NOT_A_VALUE.search(value) is not None:
        raise InvalidResponseHeader(name[:40])
    return b"%b: %b\r\n" % (name, value)


_field = lru_cache(256)(_long_field)  # no cookie and no redirect with a code is as short as that, so none is kept
