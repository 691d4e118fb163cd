"""Answers as HTTP sends them, and a decision as one of them (RFC 6749 sections 5.1 and 5.2)."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import falcon
import falcon.asgi
import msgspec
import structlog

from service.decisions.decision import Action, Decision
from service.protocol.errors import ErrorBody, OAuthError

PRIVATE = {"Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff"}
"""Headers of every answer that is for one caller only."""

Headers = list[tuple[bytes, bytes]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

log = structlog.get_logger("satchel")
_PRIVATE: Headers = [(name.lower().encode(), value.encode()) for name, value in PRIVATE.items()]
_JSON = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode


class Answer(NamedTuple):
    """A status, header fields and a body."""

    status: int
    headers: Headers
    body: bytes

    async def send(self, send: Send) -> None:
        """Send it, with its length."""
        headers = [*self.headers, (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def answer_of(decision: Decision) -> Answer:
    """Render `decision`."""
    if decision.error is not None:
        answer = error_answer(decision.error)
    elif isinstance(decision.answer, str):
        media_type = decision.media_type.encode()
        answer = Answer(200, [(b"content-type", media_type), *_PRIVATE], decision.answer.encode())
    else:
        status = 201 if decision.action is Action.CREATED else 200
        answer = Answer(status, [_JSON, *_PRIVATE], _encode(decision.answer))
    if decision.dpop_nonce:
        answer.headers.append((b"dpop-nonce", decision.dpop_nonce.encode()))
    return answer


def error_answer(error: OAuthError) -> Answer:
    """Render the refusal `error`."""
    headers = [_JSON, *_PRIVATE]
    if error.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="satchel", charset="UTF-8"'))
    elif error.status == 503:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    return Answer(error.status, headers, _encode(error.body))


def refusal(status: int, description: str, *headers: tuple[bytes, bytes]) -> Answer:
    """Return a refusal that concerns HTTP rather than OAuth."""
    return Answer(status, [_JSON, *_PRIVATE, *headers], _encode(ErrorBody("invalid_request", description)))


def json_document(value: Any) -> bytes:
    """Return `value` as JSON."""
    return _encode(value)


def serialize_error(req: falcon.asgi.Request, resp: falcon.asgi.Response, error: falcon.HTTPError) -> None:
    """Give Falcon's own refusals (no such path, wrong verb) the shape and the headers of all others."""
    resp.content_type = "application/json"
    resp.set_headers(PRIVATE)
    resp.data = _encode(ErrorBody("invalid_request", falcon.code_to_http_status(error.status_code)[4:]))


def unexpected(fault: Exception, request_id: str) -> OAuthError:
    """Return server_error for a fault of our own; the log gets where it happened, but not what it said."""
    trace, place = fault.__traceback__, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    log.error("unexpected", id=request_id, fault=type(fault).__name__, place=place)
    return OAuthError("server_error", "something went wrong here")


async def answer_unexpected(
    req: falcon.asgi.Request, resp: falcon.asgi.Response, fault: Exception, params: dict[str, Any]
) -> None:
    """Answer a fault in a Falcon resource."""
    resp.status = falcon.HTTP_500
    resp.content_type = "application/json"
    resp.set_headers(PRIVATE)
    resp.data = error_answer(unexpected(fault, req.scope["line"].id)).body
