"""The endpoints of programs, which take a form: /token (RFC 6749 section 3.2), /introspect (RFC 7662) and their like.

They are most of the service's work, so the gate calls them itself: what Falcon makes of a request (docs/performance.md)
would cost more than all that they do beside the signature.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from service.decisions.authorize.push import decide_push
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.device.authorization import decide_device_authorization
from service.decisions.form_request import FormRequest
from service.decisions.login_application.ticket import decide_ticket, decide_ticket_fail, decide_ticket_issue
from service.decisions.resource_server.introspect import decide_introspection
from service.decisions.resource_server.revoke import decide_revocation
from service.decisions.token.decide import decide_token
from service.protocol.errors import OAuthError
from service.web.answer import Answer, Headers, answer_of, refusal, unexpected
from service.web.certificate import certificate_reader
from service.web.cors import Cors
from service.web.endpoint import Endpoint
from service.web.proxies import TrustedProxies
from service.web.request_log import Line
from service.web.runtime import Runtime

Decide = Callable[[Context, FormRequest, float], Awaitable[Decision]]

FORM = b"application/x-www-form-urlencoded"
"""The content type of a form."""

_SINGLE = frozenset({b"authorization", b"content-type", b"host", b"dpop", b"accept", b"origin"})


class FormEndpoint(Endpoint):
    """POST a form, get a decision."""

    methods: tuple[str, ...] = ("POST",)

    def __init__(self, name: str, decide: Decide, runtime: Runtime, cors: Cors) -> None:
        self._name = name
        self._decide = decide
        self._runtime = runtime
        self._cors = cors
        proxies = runtime.context.registry.config.proxies
        self._certificate = certificate_reader(proxies)
        self._proxies = TrustedProxies(proxies)

    async def answer(self, scope: dict[str, Any], body: bytes, line: Line) -> Answer:
        """Answer the request in `scope` with the whole `body`; `line` takes what is known of it."""
        line.endpoint = self._name
        if scope["method"] not in self.methods:
            preflight = self._cors.preflight(scope["headers"], self.methods) if scope["method"] == "OPTIONS" else None
            return preflight or refusal(405, "there is no such method here", allowed(self.methods))
        headers: dict[bytes, bytes] = {}
        try:
            headers = single(scope["headers"])
            form_request = self.form_request(scope, headers, body)
            decision = await self._decide(self._runtime.context, form_request, self._runtime.clock())
        except OAuthError as error:
            decision = Decision(Action.OK).refuse(error)
        except Exception as fault:
            decision = Decision(Action.OK).refuse(unexpected(fault, line.id))
        line.take(decision)
        answer = self.rendered(decision, headers)
        origin = headers.get(b"origin")
        if origin is not None:
            answer.headers.extend(self._cors.fields(origin, decision.client_id))
        return answer

    def form_request(self, scope: dict[str, Any], headers: dict[bytes, bytes], body: bytes) -> FormRequest:
        """Return what is to be judged.

        Raises:
            OAuthError: invalid_request.
        """
        check_form(headers.get(b"content-type", b""), scope["query_string"])
        return FormRequest(
            body,
            _text(headers, b"authorization"),
            _text(headers, b"dpop"),
            None if self._certificate is None else self._certificate(scope),
            _text(headers, b"accept"),
            self._proxies.address(scope),
            scope["method"],
        )

    def rendered(self, decision: Decision, headers: dict[bytes, bytes]) -> Answer:
        """Return the answer that `decision` is to the request with `headers`."""
        return answer_of(decision)


def single(headers: Headers) -> dict[bytes, bytes]:
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


def allowed(methods: Iterable[str]) -> tuple[bytes, bytes]:
    """Return the header of a 405 (RFC 9110 section 10.2.1)."""
    return b"allow", ", ".join(methods).encode()


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def check_form(content_type: bytes, query: bytes) -> None:
    """Check that parameters come as a form, and none in the query (RFC 6749 section 3.2).

    Raises:
        OAuthError: invalid_request.
    """
    if content_type != FORM:
        kind, _, parameters = content_type.lower().partition(b";")
        if kind.strip() != FORM or parameters.strip().replace(b'"', b"") not in (b"", b"charset=utf-8"):
            raise OAuthError("invalid_request", "the content type must be application/x-www-form-urlencoded")
    if query:
        raise OAuthError("invalid_request", "parameters belong in the body")


def form_endpoints(runtime: Runtime) -> dict[str, FormEndpoint]:
    """Return the endpoints by path; an issuer's own path comes before theirs."""
    config = runtime.context.registry.config
    paths = config.endpoints
    cors = Cors(config.clients)
    return {
        config.base_path + path: FormEndpoint(name, decide, runtime, cors)
        for name, path, decide in (
            ("token", paths.token, decide_token),
            ("introspect", paths.introspect, decide_introspection),
            ("revoke", paths.revoke, decide_revocation),
            ("par", paths.par, decide_push),
            ("device_authorization", paths.device_authorization, decide_device_authorization),
            ("ticket", paths.ticket, decide_ticket),
            ("ticket_issue", f"{paths.ticket}/issue", decide_ticket_issue),
            ("ticket_fail", f"{paths.ticket}/fail", decide_ticket_fail),
        )
    }
