"""A Starlette API behind access tokens: `ISSUER=… gunicorn -k asgi --chdir client/examples starlette_api:app`."""

import os
import time
from typing import Any

from satchel_client.asgi_protect import TOKEN, Protect
from satchel_client.errors import ClientError
from satchel_client.protection import Protection
from satchel_client.requirement import NOTHING, Requirement
from satchel_client.resource_metadata import ResourceMetadata
from satchel_client.verifier import AsyncVerifier
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8000")
AUDIENCE = "https://api.example.com"
WRITE = Requirement("write")


def policy(method: str, path: str) -> Requirement | None:
    """Anybody may see that it lives; the rest is for those who may read."""
    if path == "/health":
        return None
    return NOTHING if method == "PUT" else Requirement("read")


protection = Protection(
    policy, metadata=ResourceMetadata(resource=AUDIENCE, authorization_servers=(ISSUER,)), origin=AUDIENCE
)


async def refuse(request: Request, error: Any) -> Response:
    """The answer to a token that does not reach."""
    answer = protection.refuse(error)
    return Response(answer.body, answer.status, dict(answer.headers))


async def health(request: Request) -> Response:
    """No token is needed here."""
    return JSONResponse({"ok": True})


async def show(request: Request) -> Response:
    """Reading is asked for by the policy."""
    return JSONResponse({"room": request.path_params["number"], "seen_by": request.scope[TOKEN].subject})


async def change(request: Request) -> Response:
    """Writing is asked for here."""
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
