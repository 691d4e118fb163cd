"""HTTP responses, and the rendering of a decision as one (RFC 6749 sections 5.1 and 5.2)."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import falcon
import falcon.asgi
import msgspec
import structlog

from service.decisions.decision import Action, Decision
from service.protocol.errors import ErrorBody, OAuthError

PRIVATE = {"Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff"}
"""Headers of every response that only its caller may see."""

Headers = list[tuple[bytes, bytes]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

log = structlog.get_logger("satchel")
_PRIVATE: Headers = [(name.lower().encode(), value.encode()) for name, value in PRIVATE.items()]
_JSON = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode


class Answer(NamedTuple):
    """An HTTP response: status, header fields and body."""

    status: int
    headers: Headers
    body: bytes

    async def send(self, send: Send) -> None:
        """Send the response, with its Content-Length."""
        headers = [*self.headers, (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def answer_of(decision: Decision) -> Answer:
    """Return `decision` as a response with JSON, or with its own media type."""
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
    """Return `error` as a response (RFC 6749 section 5.2)."""
    headers = [_JSON, *_PRIVATE]
    if error.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="satchel", charset="UTF-8"'))
    elif error.status == 503:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    return Answer(error.status, headers, _encode(error.body))


def refusal(status: int, description: str, *headers: tuple[bytes, bytes]) -> Answer:
    """Return an error response for a fault of HTTP, such as a wrong method."""
    return Answer(status, [_JSON, *_PRIVATE, *headers], _encode(ErrorBody("invalid_request", description)))


def json_document(value: Any) -> bytes:
    """Return `value` as JSON."""
    return _encode(value)


def serialize_error(req: falcon.asgi.Request, resp: falcon.asgi.Response, error: falcon.HTTPError) -> None:
    """Render the errors that Falcon raises (unknown path, wrong method) like all other errors."""
    resp.content_type = "application/json"
    resp.set_headers(PRIVATE)
    resp.data = _encode(ErrorBody("invalid_request", falcon.code_to_http_status(error.status_code)[4:]))


def unexpected(fault: Exception, request_id: str) -> OAuthError:
    """Return server_error for an unexpected exception. The log gets its type and place but not its text."""
    trace, place = fault.__traceback__, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    log.error("unexpected error", id=request_id, fault=type(fault).__name__, place=place)
    return OAuthError("server_error", "internal error")


async def answer_unexpected(
    req: falcon.asgi.Request, resp: falcon.asgi.Response, fault: Exception, params: dict[str, Any]
) -> None:
    """Render an unexpected exception in a Falcon resource."""
    resp.status = falcon.HTTP_500
    resp.content_type = "application/json"
    resp.set_headers(PRIVATE)
    resp.data = error_answer(unexpected(fault, req.scope["line"].id)).body
