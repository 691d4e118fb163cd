"""Endpoints: Falcon resources that answer from the ASGI scope of a request and its whole body."""

from abc import ABC, abstractmethod
from typing import Any

import falcon.asgi

from service.web.answer import Answer
from service.web.request_log import Line


class Endpoint(ABC):
    """An endpoint. Requests with any HTTP method go to `answer`, which refuses the methods that it does not support.

    A server that has a whole request may call `answer` itself, without Falcon's request and response
    (service/web/gate.py).
    """

    @abstractmethod
    async def answer(self, scope: dict[str, Any], body: bytes, line: Line) -> Answer:
        """Answer the request in `scope` (ASGI) with the whole `body`, and fill in `line` for the log."""

    async def on_request(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **_: Any) -> None:
        """Answer a request that Falcon has routed here."""
        answer = await self.answer(req.scope, await req.stream.read(), req.scope["line"])
        resp.status = answer.status
        for name, value in answer.headers:
            resp.append_header(name.decode(), value.decode())
        resp.data = answer.body

    on_get = on_head = on_post = on_put = on_patch = on_delete = on_options = on_trace = on_connect = on_request
