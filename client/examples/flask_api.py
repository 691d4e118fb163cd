"""A Flask API behind access tokens: `ISSUER=… gunicorn --chdir client/examples flask_api:app`."""

import os
import time

import flask
from satchel_client.errors import ClientError
from satchel_client.protection import Protection
from satchel_client.requirement import NOTHING, Requirement
from satchel_client.resource_metadata import ResourceMetadata
from satchel_client.verifier import Verifier
from satchel_client.wsgi_protect import TOKEN, Protect

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
app = flask.Flask(__name__)
app.wsgi_app = Protect(app.wsgi_app, Verifier(ISSUER, AUDIENCE), protection)  # type: ignore[method-assign]


@app.errorhandler(ClientError)
def refuse(error: ClientError) -> flask.Response:
    """The answer to a token that does not reach."""
    answer = protection.refuse(error)
    return flask.Response(answer.body, answer.status, answer.headers)


@app.get("/health")
def health() -> dict[str, bool]:
    """No token is needed here."""
    return {"ok": True}


@app.get("/rooms/<int:number>")
def show(number: int) -> dict[str, object]:
    """Reading is asked for by the policy."""
    return {"room": number, "seen_by": flask.request.environ[TOKEN].subject}


@app.put("/rooms/<int:number>")
def change(number: int) -> tuple[str, int]:
    """Writing is asked for here."""
    WRITE.check(flask.request.environ[TOKEN], time.time())
    return "", 204
