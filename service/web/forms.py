"""The endpoints that take a form: /token (RFC 6749 section 3.2), /introspect (RFC 7662), /revoke (RFC 7009).

They are most of the service's work, so the gate calls them itself: what Falcon makes of a request (docs/performance.md)
would cost more than all that they do beside the signature.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk, Incoming
from service.decisions.introspect import decide_introspection
from service.decisions.revoke import decide_revocation
from service.decisions.token import decide_token
from service.protocol.errors import OAuthError
from service.web.answer import Answer, answer_of, refusal, unexpected
from service.web.certificate import certificate_reader
from service.web.cors import Cors
from service.web.live import Live
from service.web.record import Line

Decide = Callable[[Desk, Incoming, float], Awaitable[Decision]]

_FORM = b"application/x-www-form-urlencoded"
_SINGLE = frozenset({b"authorization", b"content-type", b"host", b"dpop", b"accept", b"origin"})


class FormEndpoint:
    """POST a form, get a decision."""

    def __init__(self, name: str, decide: Decide, live: Live, cors: Cors) -> None:
        self._name = name
        self._decide = decide
        self._live = live
        self._cors = cors
        self._certificate = certificate_reader(live.desk.registry.config.proxies)

    async def answer(self, scope: dict[str, Any], body: bytes, line: Line) -> Answer:
        """Answer the request in `scope` with the whole `body`; `line` takes what is known of it."""
        line.endpoint = self._name
        if scope["method"] != "POST":
            preflight = self._cors.preflight(scope["headers"]) if scope["method"] == "OPTIONS" else None
            return preflight or refusal(405, "the method must be POST", (b"allow", b"POST"))
        live = self._live
        origin = None
        try:
            headers = _single(scope["headers"])
            origin = headers.get(b"origin")
            _check_form(headers.get(b"content-type", b""), scope["query_string"])
            incoming = Incoming(
                body,
                _text(headers, b"authorization"),
                _text(headers, b"dpop"),
                None if self._certificate is None else self._certificate(scope),
                _text(headers, b"accept"),
            )
            decision = await self._decide(live.desk, incoming, live.clock())
        except OAuthError as error:
            decision = Decision(Action.OK).refuse(error)
        except Exception as fault:
            decision = Decision(Action.OK).refuse(unexpected(fault, line.id))
        line.take(decision)
        answer = answer_of(decision)
        if origin is not None:
            answer.headers.extend(self._cors.fields(origin, decision.client_id))
        return answer


def _single(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the fields that matter, each of which may be sent once.

    Raises:
        OAuthError: invalid_request.
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _SINGLE:
            if name in found and name != b"accept":
                raise OAuthError("invalid_request", "a header is repeated")
            found[name] = value
    return found


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def _check_form(content_type: bytes, query: bytes) -> None:
    """Check that parameters come as a form, and none in the query (RFC 6749 section 3.2).

    Raises:
        OAuthError: invalid_request.
    """
    if content_type != _FORM:
        kind, _, parameters = content_type.lower().partition(b";")
        if kind.strip() != _FORM or parameters.strip().replace(b'"', b"") not in (b"", b"charset=utf-8"):
            raise OAuthError("invalid_request", "the content type must be application/x-www-form-urlencoded")
    if query:
        raise OAuthError("invalid_request", "parameters belong in the body")


def form_endpoints(live: Live) -> dict[str, FormEndpoint]:
    """Return the endpoints by path; an issuer's own path comes before theirs."""
    config = live.desk.registry.config
    paths = config.endpoints
    cors = Cors(config.clients)
    return {
        config.base_path + path: FormEndpoint(name, decide, live, cors)
        for name, path, decide in (
            ("token", paths.token, decide_token),
            ("introspect", paths.introspect, decide_introspection),
            ("revoke", paths.revoke, decide_revocation),
        )
    }
