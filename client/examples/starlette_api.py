"""A Starlette API protected by access tokens: `ISSUER=… gunicorn -k asgi --chdir client/examples starlette_api:app`."""

import os
import time
from typing import Any

from satchel_client import NOTHING, AsyncVerifier, ClientError, Protection, Requirement, ResourceMetadata
from satchel_client.asgi_protect import TOKEN, Protect
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8000")
AUDIENCE = "https://api.example.com"
WRITE = Requirement("write")


def policy(method: str, path: str) -> Requirement | None:
    """Return the required scope of a request; None: no token is needed."""
    if path == "/health":
        return None
    return NOTHING if method == "PUT" else Requirement("read")


protection = Protection(
    policy, metadata=ResourceMetadata(resource=AUDIENCE, authorization_servers=(ISSUER,)), origin=AUDIENCE
)


async def refuse(request: Request, error: Any) -> Response:
    """Return the response for a token that is refused or not sufficient."""
    answer = protection.refuse(error)
    return Response(answer.body, answer.status, dict(answer.headers))


async def health(request: Request) -> Response:
    """Report that the API runs. No token is needed."""
    return JSONResponse({"ok": True})


async def show(request: Request) -> Response:
    """Show a room. The policy requires the scope `read`."""
    return JSONResponse({"room": request.path_params["number"], "seen_by": request.scope[TOKEN].subject})


async def change(request: Request) -> Response:
    """Change a room. The scope `write` is required here."""
    WRITE.check(request.scope[TOKEN], time.time())
    return Response(status_code=204)


app = Starlette(
    routes=[
        Route("/health", health),
        Route("/rooms/{number:int}", show, methods=["GET"]),
        Route("/rooms/{number:int}", change, methods=["PUT"]),
    ],
    middleware=[Middleware(Protect, AsyncVerifier(ISSUER, AUDIENCE), protection)],
    exception_handlers={ClientError: refuse},
)
