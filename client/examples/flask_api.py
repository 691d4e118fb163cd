"""A Flask API protected by access tokens: `ISSUER=… gunicorn --chdir client/examples flask_api:app`."""

import os
import time

import flask
from satchel_client import NOTHING, ClientError, Protection, Requirement, ResourceMetadata, Verifier
from satchel_client.wsgi_protect import TOKEN, Protect

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
app = flask.Flask(__name__)
app.wsgi_app = Protect(app.wsgi_app, Verifier(ISSUER, AUDIENCE), protection)  # type: ignore[method-assign]


@app.errorhandler(ClientError)
def refuse(error: ClientError) -> flask.Response:
    """Return the response for a token that is refused or not sufficient."""
    answer = protection.refuse(error)
    return flask.Response(answer.body, answer.status, answer.headers)


@app.get("/health")
def health() -> dict[str, bool]:
    """Report that the API runs. No token is needed."""
    return {"ok": True}


@app.get("/rooms/<int:number>")
def show(number: int) -> dict[str, object]:
    """Show a room. The policy requires the scope `read`."""
    return {"room": number, "seen_by": flask.request.environ[TOKEN].subject}


@app.put("/rooms/<int:number>")
def change(number: int) -> tuple[str, int]:
    """Change a room. The scope `write` is required here."""
    WRITE.check(flask.request.environ[TOKEN], time.time())
    return "", 204
