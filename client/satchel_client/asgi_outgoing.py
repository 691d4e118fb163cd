"""ASGI middleware that provides a token for the outgoing calls of an application."""

import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from satchel_client.errors import TokenUnavailable
from satchel_client.grants import Grant
from satchel_client.token_source import Resource, TokenSource

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

NAME = "satchel.outgoing_token"


class TokenMiddleware:
    """Adds a Token to the ASGI scope of each request. If no token can be obtained, responds 503 with `Retry-After`."""

    def __init__(
        self,
        app: App,
        source: TokenSource,
        *,
        scope: str | None = None,
        resource: Resource = None,
        grant: Grant | None = None,
        name: str = NAME,
    ) -> None:
        """Wrap `app`. `name` is the key of the token in the ASGI scope; programs with several tokens need several."""
        self._app = app
        self._source = source
        self._ticket = (scope, resource, grant)
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket. Other events are passed on unchanged."""
        if scope["type"] in ("http", "websocket"):
            try:
                scope = {**scope, self._name: await self._source.atoken(*self._ticket)}
            except TokenUnavailable as failure:
                await _unavailable(scope, receive, send, failure)
                return
        await self._app(scope, receive, send)


def retry_after(failure: TokenUnavailable) -> str:
    """Return the value of a `Retry-After` header: seconds, 1 or more."""
    return str(max(1, math.ceil(failure.retry_after or 2)))


async def _unavailable(scope: Scope, receive: Receive, send: Send, failure: TokenUnavailable) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1013})
        return
    body = b"this service cannot get an access token now; try again later\n"
    headers = [
        (b"content-type", b"text/plain"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", retry_after(failure).encode()),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
