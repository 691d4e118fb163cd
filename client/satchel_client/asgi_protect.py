"""Middleware for ASGI applications (Starlette, FastAPI, Falcon, Django, …) that requires a valid token.

    app = Protect(app, AsyncVerifier(issuer, audience), Protection(policy))

The application finds the AccessToken in `scope["satchel.token"]`. It is None if the policy requires no token.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from satchel_client.challenge import Answer
from satchel_client.errors import ClientError
from satchel_client.presented import Presented
from satchel_client.protection import Protection
from satchel_client.verifier import AsyncVerifier

TOKEN = "satchel.token"
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Protect:
    """Protects the requests and WebSocket handshakes of `app`. The verifier is closed when the application ends."""

    def __init__(self, app: Application, verifier: AsyncVerifier, protection: Protection | None = None) -> None:
        self.app = app
        self.verifier = verifier
        self.protection = protection or Protection()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            try:
                await self.app(scope, receive, send)
            finally:
                await self.verifier.aclose()
            return
        if scope["type"] == "http" and (answer := self.protection.document(scope["method"], scope["path"])):
            await _send(answer, scope, send)
            return
        method, path = scope.get("method", "GET"), scope["path"]  # a handshake is a GET
        try:
            requirement = self.protection.policy(method, path)
            token = None
            if requirement is not None:
                token = await self.verifier.verify(_present(scope, self.protection), requirement)
        except ClientError as error:
            await _send(self.protection.refuse(error), scope, send)
            return
        await self.app({**scope, TOKEN: token}, receive, send)


def _present(scope: Scope, protection: Protection) -> Presented:
    def header(name: str) -> list[str]:
        wanted = name.encode("latin-1")
        return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == wanted]

    return protection.present(scope.get("method", "GET"), scope["path"].encode(), header)


async def _send(answer: Answer, scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the server answers 403
        return
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})
