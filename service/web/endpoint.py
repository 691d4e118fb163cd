"""A Falcon resource that answers from the scope of a request (ASGI HTTP) and its whole body."""

from abc import ABC, abstractmethod
from typing import Any

import falcon.asgi

from service.web.answer import Answer
from service.web.request_log import Line


class Endpoint(ABC):
    """Every method of HTTP comes to `answer`, which refuses those that the endpoint does not have.

    A server that has a whole request may call `answer` itself, without Falcon's request and response
    (service/web/gate.py).
    """

    @abstractmethod
    async def answer(self, scope: dict[str, Any], body: bytes, line: Line) -> Answer:
        """Answer the request in `scope` with the whole `body`; `line` takes what is known of it."""

    async def on_request(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **_: Any) -> None:
        """Answer one request that Falcon has routed here."""
        answer = await self.answer(req.scope, await req.stream.read(), req.scope["line"])
        resp.status = answer.status
        for name, value in answer.headers:
            resp.append_header(name.decode(), value.decode())
        resp.data = answer.body

    on_get = on_head = on_post = on_put = on_patch = on_delete = on_options = on_trace = on_connect = on_request
