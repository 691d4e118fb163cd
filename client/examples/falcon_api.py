"""A Falcon API protected by access tokens: `ISSUER=… gunicorn -k asgi --chdir client/examples falcon_api:app`."""

import os
import time
from typing import Any

import falcon.asgi
from satchel_client import NOTHING, AsyncVerifier, ClientError, Protection, Requirement, ResourceMetadata
from satchel_client.falcon import AsyncProtect

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8000")
AUDIENCE = "https://api.example.com"
WRITE = Requirement("write")


def policy(method: str, path: str) -> Requirement | None:
    """Return the required scope of a request; None: no token is needed."""
    if path == "/health":
        return None
    return NOTHING if method == "PUT" else Requirement("read")


class Health:
    """Report that the API runs. No token is needed."""

    async def on_get(self, req: Any, resp: Any) -> None:
        """Report that the API runs."""
        resp.media = {"ok": True}


class Room:
    """The policy requires the scope `read`; `write` is required here."""

    async def on_get(self, req: Any, resp: Any, number: int) -> None:
        """Show a room."""
        resp.media = {"room": number, "seen_by": req.context.token.subject}

    async def on_put(self, req: Any, resp: Any, number: int) -> None:
        """Change a room."""
        WRITE.check(req.context.token, time.time())
        resp.status = 204


protect = AsyncProtect(
    AsyncVerifier(ISSUER, AUDIENCE),
    Protection(policy, metadata=ResourceMetadata(resource=AUDIENCE, authorization_servers=(ISSUER,)), origin=AUDIENCE),
)
app = falcon.asgi.App(middleware=[protect])
app.add_error_handler(ClientError, protect.handle)
app.add_route("/health", Health())
app.add_route("/rooms/{number:int}", Room())
