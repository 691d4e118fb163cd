"""A Falcon API behind access tokens: `ISSUER=… gunicorn -k asgi --chdir client/examples falcon_api:app`."""

import os
import time
from typing import Any

import falcon.asgi
from satchel_client.errors import ClientError
from satchel_client.falcon import AsyncProtect
from satchel_client.protection import Protection
from satchel_client.requirement import NOTHING, Requirement
from satchel_client.resource_metadata import ResourceMetadata
from satchel_client.verifier import AsyncVerifier

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8000")
AUDIENCE = "https://api.example.com"
WRITE = Requirement("write")


def policy(method: str, path: str) -> Requirement | None:
    """Anybody may see that it lives; the rest is for those who may read."""
    if path == "/health":
        return None
    return NOTHING if method == "PUT" else Requirement("read")


class Health:
    """No token is needed here."""

    async def on_get(self, req: Any, resp: Any) -> None:
        """Say that it lives."""
        resp.media = {"ok": True}


class Room:
    """Reading is asked for by the policy, writing here."""

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
