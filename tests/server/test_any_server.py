"""The application is Falcon's: it answers the same under any ASGI server as under our worker, save Date and ids."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.raw_http import Raw, Response
from tests.worlds.demo import CXF, DEMO, ROOT
from tests.worlds.gunicorn import Running
from tests.worlds.http import basic
from tests.worlds.ports import free_port

pytestmark = pytest.mark.slow

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RS = basic("api", "api-secret")
GRANT = b"grant_type=client_credentials"
JSON = {"Content-Type": "application/json", **basic("10001", "decision-demo")}
PATHS = (
    *("/token", "/introspect", "/revoke", "/par", "/device_authorization", "/userinfo", "/jwks", "/authorize"),
    "/device",
    *("/authorize/login", "/authorize/consent", "/logout", "/logout/confirm", "/healthz", "/nowhere", "/", "//token"),
    *("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/token/", "/%74oken"),
    *("/api/auth/token", "/api/nowhere", "/api/10001/auth/introspection", "/token%2f", "/authorize/%2e%2e/token"),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

Request = tuple[str, str, dict[str, str], bytes]

REQUESTS: dict[str, Request] = {
    **{f"{method} {path}": (method, path, {}, b"") for path in PATHS for method in METHODS},
    "token": ("POST", "/token", {**FORM, **CXF}, GRANT),
    "token, wrong secret": ("POST", "/token", {**FORM, **basic("123456789", "wrong")}, GRANT),
    "token, no client": ("POST", "/token", FORM, GRANT),
    "token, query": ("POST", "/token?a=b", {**FORM, **CXF}, GRANT),
    "token, JSON": ("POST", "/token", {"Content-Type": "application/json", **CXF}, b"{}"),
    "token, charset": (
        "POST",
        "/token",
        {"Content-Type": FORM["Content-Type"].upper() + "; charset=UTF-8", **CXF},
        GRANT,
    ),
    "token, twice": ("POST", "/token", {**FORM, **CXF}, GRANT + b"&" + GRANT),
    "token, encoding": ("POST", "/token", {**FORM, **CXF}, b"grant_type=%zz"),
    "token, NUL": ("POST", "/token", {**FORM, **CXF}, b"grant_type=a%00b"),
    "token, unknown grant": ("POST", "/token", {**FORM, **CXF}, b"grant_type=magic"),
    "token, unknown scope": ("POST", "/token", {**FORM, **CXF}, GRANT + b"&scope=reed"),
    "token, long body": ("POST", "/token", {**FORM, **CXF}, b"a" * 65_537),
    "token, preflight": (
        "OPTIONS",
        "/token",
        {"Origin": "http://127.0.0.1:8080", "Access-Control-Request-Method": "POST"},
        b"",
    ),
    "token, origin": (
        "POST",
        "/token",
        {**FORM, "Origin": "http://127.0.0.1:8080"},
        b"grant_type=refresh_token&client_id=spa&refresh_token=x",
    ),
    "introspect": ("POST", "/introspect", {**FORM, **RS}, b"token=garbage"),
    "introspect, no token": ("POST", "/introspect", {**FORM, **RS}, b""),
    "introspect, JWT": (
        "POST",
        "/introspect",
        {**FORM, **RS, "Accept": "application/token-introspection+jwt"},
        b"token=garbage",
    ),
    "revoke": ("POST", "/revoke", {**FORM, **CXF}, b"token=garbage"),
    "par": ("POST", "/par", FORM, b"client_id=spa&response_type=code"),
    "device": ("POST", "/device_authorization", FORM, b"client_id=tv"),
    "userinfo": ("GET", "/userinfo", {"Authorization": "Bearer garbage"}, b""),
    "authorize": ("GET", "/authorize?response_type=code&client_id=spa", {}, b""),
    "authorize, redirect": (
        "GET",
        "/authorize?response_type=token&client_id=spa&redirect_uri=http://127.0.0.1:8080/callback&state=s",
        {},
        b"",
    ),
    "login": ("POST", "/authorize/login", FORM, b"ticket=x&username=alice&password=wonderland"),
    "login from elsewhere": ("POST", "/authorize/login", {**FORM, "Origin": "https://evil.example"}, b"ticket=x"),
    "logout": ("GET", "/logout", {}, b""),
    "jwks": ("GET", "/jwks", {}, b""),
    "jwks, known": ("GET", "/jwks", {"If-None-Match": "*"}, b""),
    "api": ("POST", "/api/auth/token", JSON, b'{"parameters":"grant_type=client_credentials"}'),
    "api, garbage": ("POST", "/api/auth/token", JSON, b"{"),
    "api, nobody": ("POST", "/api/auth/token", {**JSON, **basic("10001", "wrong")}, b"{}"),
    "api, service": ("GET", "/api/service/get", JSON, b""),
}

VARIES = re.compile(
    rb"eyJ[\w.-]+"  # bags and tokens
    rb"|(?<=<code>)[\w-]+(?=</code>)"  # the request's id on error pages
    rb"|[B-Z]{4}-[B-Z]{4}"  # user codes
    rb'|(?<="check" value=")[\w-]+'
    rb"|\b1[789]\d{8,11}\b"  # instants
    rb'|(?<="ticket":")[^"]+'
)


def ask(port: int, request: Request) -> Response:
    method, path, headers, body = request
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    with Raw(port) as raw:
        raw.send("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
        while raw._read():
            pass
        head, _, content = raw.received.partition(b"\r\n\r\n")
        first, *fields = head.decode("latin-1").split("\r\n")
        named = [field.partition(": ") for field in fields]
        known = {name.lower(): VARIES.sub(b"*", value.encode()).decode() for name, _, value in named}
        return Response(int(first.split(" ")[1]), known, VARIES.sub(b"*", content))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("ours"), DEMO, workers=1) as server:
        yield server


@pytest.fixture(scope="module")
def uvicorn(ours: Running) -> Iterator[int]:
    """The same configuration, keys and memory behind uvicorn."""
    port = free_port()
    options = ["--factory", "--host", "127.0.0.1", "--port", str(port), "--no-server-header", "--log-level", "warning"]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", *options, "service.server.gunicorn_conf:application"],
        cwd=ROOT,
        env={**os.environ, "CONFIG": str(ours.config), "SATCHEL_STATE": str(ours.state), "PORT": str(ours.port)},
    )
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("name", REQUESTS)
def test_both_answer_alike(ours: Running, uvicorn: int, name: str) -> None:
    mine, theirs = ask(ours.port, REQUESTS[name]), ask(uvicorn, REQUESTS[name])
    for headers in (mine.headers, theirs.headers):
        assert headers.pop("date")
        for varying in ("content-length", "etag", "set-cookie", "connection"):
            headers.pop(varying, None)
    assert mine == theirs


def test_every_endpoint_is_a_route_of_falcon(ours: Running) -> None:
    environ: dict[str, Any] = {**os.environ, "CONFIG": str(ours.config), "SATCHEL_STATE": str(ours.state), "PORT": "1"}
    command = [str(Path(sys.executable).parent / "falcon-inspect-app"), "service.server.gunicorn_conf:application"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True, timeout=60)
    for path in ("/token", "/introspect", "/revoke", "/par", "/authorize", "/device", "/userinfo", "/jwks", "/healthz"):
        assert re.search(rf" {path} ", done.stdout), done.stdout
    assert "/api/auth/token" in done.stdout
