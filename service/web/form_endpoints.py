"""The endpoints for programs that POST a form: /token (RFC 6749 section 3.2), /introspect (RFC 7662) and others.

The worker calls these endpoints directly if it holds a whole request (service/web/gate.py): Falcon's request objects
would cost more time than everything else in such a request except the signature (docs/performance.md).
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
"""The content type of form bodies."""

_SINGLE = frozenset({b"authorization", b"content-type", b"host", b"dpop", b"accept", b"origin"})


class FormEndpoint(Endpoint):
    """An endpoint that takes POST with a form and returns JSON."""

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
        """Answer the request in `scope` (ASGI) with the whole `body`, and fill in `line` for the log."""
        line.endpoint = self._name
        if scope["method"] not in self.methods:
            preflight = self._cors.preflight(scope["headers"], self.methods) if scope["method"] == "OPTIONS" else None
            return preflight or refusal(405, f"use {' or '.join(self.methods)}", allowed(self.methods))
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
        """Return the request without HTTP: body, credentials, DPoP proof, client certificate, address.

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
        """Return `decision` as the response to the request with `headers`."""
        return answer_of(decision)


def single(headers: Headers) -> dict[bytes, bytes]:
    """Return the header fields that the endpoints read. Each may be sent once; the last Accept counts.

    Raises:
        OAuthError: invalid_request: one of them is sent more than once.
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _SINGLE:
            if name in found and name != b"accept":
                raise OAuthError("invalid_request", f"the header {name.decode()} is sent more than once")
            found[name] = value
    return found


def allowed(methods: Iterable[str]) -> tuple[bytes, bytes]:
    """Return the Allow header of a 405 response (RFC 9110 section 10.2.1)."""
    return b"allow", ", ".join(methods).encode()


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def check_form(content_type: bytes, query: bytes) -> None:
    """Check that the body is a form and the query is empty (RFC 6749 section 3.2).

    Raises:
        OAuthError: invalid_request.
    """
    # Parameters change nothing: the type has none (URL standard), and Apache HttpClient sends charset=ISO-8859-1.
    if content_type != FORM and content_type.partition(b";")[0].strip().lower() != FORM:
        raise OAuthError("invalid_request", "the content type must be application/x-www-form-urlencoded")
    if query:
        raise OAuthError("invalid_request", "send the parameters in the body, not in the query")


def form_endpoints(runtime: Runtime) -> dict[str, FormEndpoint]:
    """Return the form endpoints by path. The path of the issuer precedes theirs."""
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
