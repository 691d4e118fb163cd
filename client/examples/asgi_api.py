"""A bare ASGI API protected by access tokens: `ISSUER=… gunicorn -k asgi --chdir client/examples asgi_api:app`."""

import json
import os
from typing import Any

from satchel_client import AsyncVerifier, Protection, Requirement, ResourceMetadata
from satchel_client.asgi_protect import TOKEN, Protect

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8000")
AUDIENCE = "https://api.example.com"


def policy(method: str, path: str) -> Requirement | None:
    """Return the required scope of a request; None: no token is needed."""
    if path == "/health":
        return None
    return Requirement("write" if method == "PUT" else "read")


async def rooms(scope: Any, receive: Any, send: Any) -> None:
    """Serve /health, and rooms under every other path."""
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    if scope["path"] == "/health":
        status, said = 200, {"ok": True}
    elif scope["method"] == "PUT":
        status, said = 204, None
    else:
        status, said = 200, {"room": int(scope["path"].rpartition("/")[2]), "seen_by": scope[TOKEN].subject}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if said is None else json.dumps(said).encode()})


app = Protect(
    rooms,
    AsyncVerifier(ISSUER, AUDIENCE),
    Protection(policy, metadata=ResourceMetadata(resource=AUDIENCE, authorization_servers=(ISSUER,)), origin=AUDIENCE),
)
