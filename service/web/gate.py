"""The ASGI application: limits the body, routes with Falcon, and logs one line per request.

The worker limits the time (service/server/http.py): if the body does not arrive in time, the worker disconnects.
"""

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

import falcon.asgi

from service.web.answer import Answer, Send, refusal
from service.web.endpoint import Endpoint
from service.web.request_log import Line, RequestLog
from service.web.runtime import Runtime

MAX_BODY = 64 * 1024
"""The longest request body, in bytes."""

Receive = Callable[[], Awaitable[dict[str, Any]]]


class Gate(falcon.asgi.App):  # type: ignore[type-arg]
    """The ASGI application, for any server. Falcon resources find the request's Line in `req.scope["line"]`.

    `endpoints` are the resources, by path, that answer from a whole request. There are two entrances to them: ASGI
    (`__call__`) and `answer`. A server that already holds a whole request, such as the worker in service/server, calls
    `answer`; the same resource then answers without the cost of ASGI events and Falcon's request and response objects.
    """

    def __init__(
        self, runtime: Runtime, request_log: RequestLog, endpoints: Mapping[str, Endpoint], **settings: Any
    ) -> None:
        super().__init__(**settings)
        self.runtime = runtime
        self._request_log = request_log
        self.endpoints = endpoints
        self.resp_options.default_media_type = None  # type: ignore[assignment]
        for path, endpoint in endpoints.items():
            self.add_route(path, endpoint)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:  # type: ignore[override]
        """Serve one request. WebSockets are refused."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await super().__call__(scope, receive, send)
            return
        event = await receive()
        if event.get("more_body"):
            event = await _whole_body(event, receive)
        started = perf_counter()
        line = self._request_log.begin(scope)
        try:
            if event["type"] != "http.request":
                return  # the peer has left
            if len(event["body"]) > MAX_BODY:
                answer, line.status = refusal(413, f"the body is longer than {MAX_BODY} bytes"), 413
                if event.get("more_body"):  # the rest of the body stays unread
                    answer.headers.append((b"connection", b"close"))
                await answer.send(send)
                return
            if "//" in scope["path"]:  # Falcon would route //token to /token
                line.status = 404
                await refusal(404, "Not Found").send(send)
                return
            await self._falcon(scope, event, send, line)
        finally:
            self._request_log.finish(line, perf_counter() - started)

    async def answer(self, endpoint: Endpoint, scope: dict[str, Any], body: bytes) -> Answer:
        """Answer the request in `scope` (ASGI) with the whole `body`, at most MAX_BODY bytes."""
        started = perf_counter()
        line = self._request_log.begin(scope)
        try:
            answer = await endpoint.answer(scope, body, line)
            line.status = answer.status
            return answer
        finally:
            self._request_log.finish(line, perf_counter() - started)

    async def _falcon(self, scope: dict[str, Any], event: dict[str, Any], send: Send, line: Line) -> None:
        async def receive() -> dict[str, Any]:
            return event

        def watched(sent: dict[str, Any]) -> Awaitable[None]:
            if sent["type"] == "http.response.start":
                line.status = sent["status"]
            return send(sent)

        # The server drops the body of a response to HEAD (RFC 9110 section 9.3.2).
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        await super().__call__({**scope, "method": method, "line": line}, receive, watched)


async def _whole_body(event: dict[str, Any], receive: Receive) -> dict[str, Any]:
    """Return one event with the whole body, or with the first part of a body that is too long."""
    body = bytearray(event["body"])
    while event.get("more_body") and len(body) <= MAX_BODY:
        event = await receive()
        if event["type"] == "http.disconnect":
            return event
        body += event["body"]
    return {"type": "http.request", "body": bytes(body), "more_body": event.get("more_body", False)}
