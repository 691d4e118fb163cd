"""A FastAPI API protected by access tokens: `ISSUER=… gunicorn -k asgi --chdir client/examples fastapi_api:app`."""

import os
import time
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from satchel_client import NOTHING, AsyncVerifier, ClientError, Protection, Requirement, ResourceMetadata
from satchel_client.asgi_protect import TOKEN, Protect

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8000")
AUDIENCE = "https://api.example.com"

app = FastAPI()
protection = Protection(
    lambda method, path: None if path == "/health" else NOTHING,
    metadata=ResourceMetadata(resource=AUDIENCE, authorization_servers=(ISSUER,)),
    origin=AUDIENCE,
)
app.add_middleware(Protect, verifier=AsyncVerifier(ISSUER, AUDIENCE), protection=protection)


@app.exception_handler(ClientError)
async def refuse(request: Request, error: ClientError) -> Response:
    """Return the response for a token that is refused or not sufficient."""
    answer = protection.refuse(error)
    return Response(answer.body, answer.status, dict(answer.headers))


def needs(scope: str) -> Any:
    """Return a dependency that requires `scope` for a route."""
    requirement = Requirement(scope)

    async def check(request: Request) -> None:
        requirement.check(request.scope[TOKEN], time.time())

    return Depends(check)


@app.get("/health")
async def health() -> dict[str, bool]:
    """Report that the API runs. No token is needed."""
    return {"ok": True}


@app.get("/rooms/{number}", dependencies=[needs("read")])
async def show(number: int, request: Request) -> dict[str, object]:
    """Show a room."""
    return {"room": number, "seen_by": request.scope[TOKEN].subject}


@app.put("/rooms/{number}", dependencies=[needs("write")], status_code=204)
async def change(number: int) -> None:
    """Change a room."""
