"""ASGI and WSGI middleware that has a token ready for the calls of the application that it wraps."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, request
from satchel_client import asgi_outgoing, wsgi_outgoing
from satchel_client.client_auth import ClientSecretBasic
from satchel_client.token_source import TokenSource

from tests.client.authority import Authority, refuse


@pytest.fixture
def authority() -> Iterator[Authority]:
    with Authority() as server:
        yield server


def source(authority: Authority) -> TokenSource:
    return TokenSource(ClientSecretBasic("me", "s"), token_endpoint=f"{authority.url}/token")


def through_asgi(app: Any, kind: str = "http") -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": f"{kind}.connect"}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    asyncio.run(app({"type": kind, "path": "/"}, receive, send))
    return sent


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    tokens = {name: token.authorization for name, token in scope.items() if name not in ("type", "path")}
    await send({"type": "seen", "tokens": tokens})


def test_asgi_puts_tokens_into_the_scope(authority: Authority) -> None:
    tokens = source(authority)
    app = asgi_outgoing.TokenMiddleware(
        asgi_outgoing.TokenMiddleware(asgi_app, tokens), tokens, scope="write", resource="https://a", name="other"
    )
    expected = {"satchel.outgoing_token": "Bearer t2", "other": "Bearer t1"}
    assert through_asgi(app) == through_asgi(app, "websocket") == [{"type": "seen", "tokens": expected}]
    assert through_asgi(app, "lifespan") == [{"type": "seen", "tokens": {}}]
    assert authority.tokens[0].form["scope"] == "write"


def test_asgi_answers_503_where_there_is_none(authority: Authority) -> None:
    authority.reply = lambda _: (429, {"Retry-After": "7"}, b"")
    app = asgi_outgoing.TokenMiddleware(asgi_app, source(authority))
    start, body = through_asgi(app)
    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"] == b"7"
    assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()
    assert through_asgi(app, "websocket") == [{"type": "websocket.close", "code": 1013}]


def test_wsgi_puts_a_token_into_the_environ(authority: Authority) -> None:
    app = Flask("tokens")
    app.wsgi_app = wsgi_outgoing.TokenMiddleware(app.wsgi_app, source(authority), scope="read")  # type: ignore[method-assign]

    @app.get("/")
    def home() -> str:
        return str(request.environ["satchel.outgoing_token"].authorization)

    assert app.test_client().get("/").text == "Bearer t1"
    assert authority.tokens[0].form["scope"] == "read"


def test_wsgi_answers_503_where_there_is_none(authority: Authority) -> None:
    authority.reply = lambda _: refuse("invalid_client", 401)
    app = Flask("tokens")
    app.wsgi_app = wsgi_outgoing.TokenMiddleware(app.wsgi_app, source(authority))  # type: ignore[method-assign]
    answer = app.test_client().get("/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
