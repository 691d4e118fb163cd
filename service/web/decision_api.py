"""The decision API over HTTP: `/api/...` and `/api/{serviceId}/...`, Basic and Bearer (RFC 7617, RFC 6750), JSON."""

import binascii
from base64 import b64decode
from hashlib import sha256
from hmac import compare_digest
from typing import Any

import falcon.asgi

from service.decision_api.calls import CALLS, call, code_of, not_kept
from service.decision_api.wire import CallersFault, Response
from service.decisions.decision import Action, Decision
from service.protocol.errors import OAuthError
from service.web.answer import PRIVATE, Answer, Headers, json_document, unexpected
from service.web.endpoint import Endpoint
from service.web.form_endpoints import allowed, single
from service.web.pages import PageRenderer
from service.web.request_log import Line
from service.web.runtime import Runtime

_HEADERS: Headers = [
    (b"content-type", b"application/json"),
    *((name.lower().encode(), value.encode()) for name, value in PRIVATE.items()),
]
_CHALLENGE = (b"www-authenticate", b'Basic realm="satchel api", charset="UTF-8"')
_MISSING = "0" * 64


class DecisionApi(Endpoint):
    """Answers the requests to all paths of the decision API."""

    def __init__(self, runtime: Runtime) -> None:
        config = runtime.context.registry.config
        self._runtime = runtime
        self._settings = config.api
        self._prefix = config.base_path + config.api.path
        self._port = int(config.api.bind.rpartition(":")[2]) if config.api.bind else None
        self._pages = PageRenderer(config)
        self._secrets = {key.key: key.sha256 for key in config.api.keys}

    @property
    def paths(self) -> list[str]:
        """The paths of all calls."""
        return [f"{base}/{name}" for base in self._bases for name in CALLS]

    @property
    def _bases(self) -> list[str]:
        return [self._prefix, *(f"{self._prefix}/{key}" for key in self._secrets)]

    async def answer(self, scope: dict[str, Any], body: bytes, line: Line) -> Answer:
        """Answer the request in `scope` (ASGI) with the whole `body`, and fill in `line` for the log."""
        line.endpoint = "api"
        if self._port is not None and scope["server"][1] != self._port:
            return _refusal(404, not_kept(""))
        try:
            headers = single(scope["headers"])
        except OAuthError as error:
            return _refusal(400, f"[A000201] {error.description}")
        key = self._caller(headers.get(b"authorization", b""))
        if key is None:
            return _refusal(401, "[A000001] the API key, the API secret or the bearer token is wrong", _CHALLENGE)
        service, name = self._split(scope["path"])
        if service and key not in ("", service):
            return _refusal(404, "[A000002] this API key is for another service id")
        if name not in CALLS:
            return _refusal(404, not_kept(name))
        line.endpoint = f"api:{name}"
        methods = CALLS[name].methods
        if scope["method"] not in methods:
            return _refusal(405, f"[A000003] use {' or '.join(methods)}", allowed(methods))
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if body and kind != b"application/json":
            return _refusal(400, "[A000004] the content type must be application/json")
        return await self._answer(name, body if scope["method"] == "POST" else b"", line)

    async def _answer(self, name: str, body: bytes, line: Line) -> Answer:
        runtime = self._runtime
        try:
            decision, response = await call(name, runtime.context, body, runtime.clock())
            if decision.action is Action.FORM and isinstance(response, Response):
                response.response_content = self._pages.render(decision.answer).body.decode()
        except CallersFault as fault:
            line.reason = str(fault)
            return _refusal(400, str(fault))
        except Exception as fault:
            error = unexpected(fault, line.id)
            line.take(Decision(Action.OK).refuse(error))
            return _refusal(500, f"[A000301] {error.description}")
        line.take(decision)
        return Answer(200, [*_HEADERS], json_document(response))

    def _caller(self, authorization: bytes) -> str | None:
        """Return the authenticated API key; empty for a bearer token, which is valid for every key; None if refused.

        The comparison takes the same time for unknown keys and wrong secrets.
        """
        scheme, _, credentials = authorization.partition(b" ")
        if scheme.lower() == b"bearer":
            digest = sha256(credentials.strip()).hexdigest()
            return "" if sum(compare_digest(digest, token) for token in self._settings.tokens) else None
        if scheme.lower() != b"basic":
            return None
        try:
            name, _, secret = b64decode(credentials, validate=True).partition(b":")
        except binascii.Error:
            return None
        key = name.decode("latin-1")
        proved = compare_digest(sha256(secret).hexdigest(), self._secrets.get(key, _MISSING))
        return key if proved else None

    def _split(self, path: str) -> tuple[str, str]:
        """Return the service id in a path (empty if there is none) and the name of the call."""
        name = path.removeprefix(self._prefix).removeprefix("/")
        first, _, rest = name.partition("/")
        return (first, rest) if first in self._secrets else ("", name)

    async def sink(self, req: falcon.asgi.Request, resp: falcon.asgi.Response | None, **_: Any) -> None:
        """Answer a request for an unknown path below the decision API."""
        if resp is not None:
            await self.on_request(req, resp)


def _refusal(status: int, message: str, *headers: tuple[bytes, bytes]) -> Answer:
    body = {"resultCode": code_of(message), "resultMessage": message}
    return Answer(status, [*_HEADERS, *headers], json_document(body))
