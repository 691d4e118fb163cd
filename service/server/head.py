"""A request head (RFC 9112 sections 2 to 6): what httptools has parsed, and the rules that it leaves to its caller.

llhttp, the parser inside httptools, already refuses bare CR and LF, folded fields, obsolete spacing, a Content-Length
beside a Transfer-Encoding, and any spelling of a length that is not digits. The rules here are the rest.
"""

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from httptools import HttpRequestParser

_SINGLE = frozenset({
    b"host", b"content-length", b"content-type", b"authorization", b"transfer-encoding", b"expect", b"from",
    b"max-forwards", b"proxy-authorization", b"referer", b"user-agent", b"if-modified-since", b"if-unmodified-since",
    b"content-location", b"retry-after", b"etag", b"date", b"age", b"expires", b"last-modified", b"location", b"server",
})  # fmt: skip
"""Fields that a request may have once (RFC 9110 section 5.3)."""

FRAMING = frozenset({b"content-length", b"transfer-encoding", b"host", b"authorization", b"content-type", b"trailer"})
"""Fields that must not come as a trailer (RFC 9110 section 6.5.1)."""

_TARGET = re.compile(rb"[\x21-\x7e]+")
_ABSOLUTE = re.compile(rb"(?i)https?://[0-9a-z._:\[\]-]+([/?].*)?")
_HOST = re.compile(rb"(?:[0-9A-Za-z._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")


class BadRequest(Exception):
    """A request that is answered with `status` and after which the connection ends; `reason` is for the log."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Head:
    """The head of one request; `framing` is the field that announces a body, if there is one."""

    __slots__ = ("expects_continue", "framing", "headers", "keep_alive", "method", "target", "version")

    def __init__(self) -> None:
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.method = self.version = ""
        self.keep_alive = self.expects_continue = False
        self.framing = b""

    def complete(self, parser: HttpRequestParser) -> None:
        """Take over what `parser` knows once the head is complete, and check the head.

        Raises:
            BadRequest
        """
        self.version = parser.get_http_version()
        self.method = parser.get_method().decode("ascii")
        self.keep_alive = parser.should_keep_alive()
        if self.version not in ("1.1", "1.0"):
            raise BadRequest(HTTPStatus.BAD_REQUEST, "not HTTP/1.0 or HTTP/1.1")
        if _TARGET.fullmatch(self.target) is None:
            raise BadRequest(HTTPStatus.BAD_REQUEST, "the request target has a character that none has")
        self._check_fields()
        if not self.target.startswith(b"/"):
            self.target = _origin_form(self.target)

    def _check_fields(self) -> None:
        seen = set()
        host = None
        underscores = False
        for name, value in self.headers:
            underscores |= b"_" in name
            if name in _SINGLE:
                if name in seen:
                    raise BadRequest(HTTPStatus.BAD_REQUEST, f"the field {name.decode()} is repeated")
                seen.add(name)
                if name == b"host":
                    host = value
                elif name == b"content-length":
                    self.framing = b"Content-Length: " + value
                elif name == b"transfer-encoding":
                    self._check_coding(value)
                elif name == b"expect" and value.lower() == b"100-continue":
                    self.expects_continue = self.version == "1.1"
        if underscores:  # a gateway may map them to the same variable as names with a hyphen
            self.headers = [field for field in self.headers if b"_" not in field[0]]
        if host is None:
            if self.version == "1.1":
                raise BadRequest(HTTPStatus.BAD_REQUEST, "no Host")
        elif _HOST.fullmatch(host) is None:
            raise BadRequest(HTTPStatus.BAD_REQUEST, "Host is not a host")

    def _check_coding(self, value: bytes) -> None:
        """Check the field Transfer-Encoding: only `chunked` is served (RFC 9112 section 6.1)."""
        codings = [coding.strip().lower() for coding in value.split(b",")]
        if codings != [b"chunked"]:
            known = b"chunked" in codings or codings == [b"identity"]
            status = HTTPStatus.BAD_REQUEST if known else HTTPStatus.NOT_IMPLEMENTED
            raise BadRequest(status, "a transfer coding other than chunked")
        if self.version == "1.0":
            raise BadRequest(HTTPStatus.BAD_REQUEST, "Transfer-Encoding in HTTP/1.0")
        self.framing = b"Transfer-Encoding: chunked"

    def scope(self, client: Any, server: Any) -> dict[str, Any]:
        """Return the scope of the request (ASGI HTTP 2.4)."""
        raw_path, _, query = self.target.partition(b"?")
        path = raw_path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": self.version,
            "method": self.method,
            "scheme": "http",
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": self.headers,
            "client": client,
            "server": server,
        }


def _origin_form(target: bytes) -> bytes:
    """Return `target` without scheme and authority, if it has them (RFC 9112 section 3.2.2)."""
    found = _ABSOLUTE.fullmatch(target)
    if found is None:
        return target
    rest: bytes = found[1] or b""
    return rest if rest.startswith(b"/") else b"/" + rest
