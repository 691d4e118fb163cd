"""A bare ASGI API behind access tokens: `ISSUER=… gunicorn -k asgi --chdir client/examples asgi_api:app`."""

import json
import os
from typing import Any

from satchel_client.asgi_protect import TOKEN, Protect
from satchel_client.protection import Protection
from satchel_client.requirement import Requirement
from satchel_client.resource_metadata import ResourceMetadata
from satchel_client.verifier import AsyncVerifier

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8000")
AUDIENCE = "https://api.example.com"


def policy(method: str, path: str) -> Requirement | None:
    """Anybody may see that it lives; the rest is for those who may read, or write."""
    if path == "/health":
        return None
    return Requirement("write" if method == "PUT" else "read")


async def rooms(scope: Any, receive: Any, send: Any) -> None:
    """Every path is a room, but for one."""
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
