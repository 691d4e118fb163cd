"""Attacks 78, 85, 86, 87, 91: sizes, origins, forwarded headers, headers of every answer, and secrets in none."""

import json
from typing import Any

import pytest

from service.decisions.token import settle as settle_module
from tests.worlds.demo import API_SERVER, CXF, DEMO
from tests.worlds.http import Answer
from tests.worlds.satchel import Satchel

LIMIT = 64 * 1024
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GRANT = b"grant_type=client_credentials"


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("bodies"), DEMO)


@pytest.mark.parametrize("path", ["/token", "/introspect"])
def test_78_exactly_the_limit_is_read(satchel: Satchel, path: str) -> None:
    body = GRANT + b"&token=x&x="
    answer = satchel.post(path, body + b"a" * (LIMIT - len(body)), CXF)
    assert answer.status == 200


@pytest.mark.parametrize("path", ["/token", "/introspect", "/jwks", "/healthz", "/nowhere"])
@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT * 2, 10_000_000])
def test_78_one_octet_more_is_413(satchel: Satchel, path: str, size: int) -> None:
    answer = satchel.post(path, GRANT + b"&x=" + b"a" * (size - len(GRANT) - 3), CXF)
    assert (answer.status, answer.json()["error"]) == (413, "invalid_request")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert satchel.log[-1]["status"] == 413


def test_78_nothing_is_granted_by_a_body_that_is_too_long(satchel: Satchel) -> None:
    answer = satchel.post("/token", GRANT + b"&x=" + b"a" * LIMIT, CXF)
    assert answer.status == 413
    assert b"access_token" not in answer.body


ORIGINS = ["null", "https://evil.example.com", "http://127.0.0.1:8000", "file://", "*", "\x00", ""]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("path", ["/token", "/introspect", "/healthz", "/readyz", "/metrics", "/nowhere"])
def test_85_no_origin_reads_what_is_private(satchel: Satchel, origin: str, path: str) -> None:
    preflight = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    for answer in (
        satchel.post(path, GRANT, {**CXF, "Origin": origin}),
        satchel.get(path, {"Origin": origin}),
        satchel.request("OPTIONS", path, headers=preflight),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


SPOOFED = {
    "Host": "evil.example.com",
    "X-Forwarded-Host": "evil.example.com",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-For": "203.0.113.1",
    "X-Real-IP": "203.0.113.1",
    "Forwarded": "for=203.0.113.1;host=evil.example.com;proto=gopher",
    "X-Forwarded-Prefix": "/evil",
    "X-HTTP-Method-Override": "GET",
    "X-Original-URL": "/metrics",
}


@pytest.mark.parametrize("name", SPOOFED)
def test_86_forwarded_headers_change_nothing(satchel: Satchel, name: str) -> None:
    spoofed = {name: SPOOFED[name]}
    answer = satchel.post("/token", GRANT, {**CXF, **spoofed})
    assert answer.status == 200
    seen = satchel.introspect(answer.json()["access_token"], {**API_SERVER, **spoofed}).json()
    assert seen["iss"] == "http://127.0.0.1:8000"
    assert all(line["remote"] == "127.0.0.1" for line in satchel.log[-2:])
    for path in ("/jwks", "/.well-known/oauth-authorization-server", "/nowhere", "/healthz"):
        assert satchel.get(path, spoofed) == satchel.get(path)


def answers(satchel: Satchel) -> dict[str, Answer]:
    return {
        "token": satchel.post("/token", GRANT, CXF),
        "refusal": satchel.post("/token", GRANT),
        "bad request": satchel.post("/token", b"", CXF),
        "content type": satchel.request("POST", "/token", GRANT, CXF),
        "active": satchel.introspect(satchel.token()),
        "inactive": satchel.introspect("x"),
        "wrong verb": satchel.get("/token"),
        "no such path": satchel.get("/nowhere"),
        "odd verb": satchel.request("PROPFIND", "/token"),
        "healthz": satchel.get("/healthz"),
        "readyz": satchel.get("/readyz"),
        "metrics": satchel.get("/metrics"),
        "metrics elsewhere": satchel.get("/metrics", client="203.0.113.1"),
    }


def test_87_no_answer_is_stored_or_sniffed(satchel: Satchel) -> None:
    for name, answer in answers(satchel).items():
        assert answer.headers["cache-control"] == "no-store", name
        assert answer.headers["pragma"] == "no-cache", name
        assert answer.headers["x-content-type-options"] == "nosniff", name
        assert "server" not in answer.headers, name
        assert answer.headers["content-type"].startswith(("application/json", "text/plain")), name


def test_87_every_refusal_is_json(satchel: Satchel) -> None:
    for name, answer in answers(satchel).items():
        if answer.status >= 400:
            assert set(answer.json()) <= {"error", "error_description"}, name


def test_87_nothing_of_the_request_is_reflected(satchel: Satchel) -> None:
    canary = "c4n4ry"
    for answer in (
        satchel.get(f"/{canary}"),
        satchel.get(f"/{canary}?{canary}={canary}"),
        satchel.request(canary.upper(), "/token"),
        satchel.request("POST", "/token", GRANT, {**CXF, "Content-Type": canary}),
        satchel.post("/token", f"grant_type={canary}", CXF),
        satchel.post("/token", GRANT + f"&scope={canary}".encode(), CXF),
        satchel.post("/token", GRANT + f"&resource={canary}".encode(), CXF),
        satchel.post("/token", f"{canary}={canary}&{canary}={canary}", CXF),
        satchel.post("/token", GRANT, {"Authorization": canary}),
        satchel.post("/introspect", {"token": canary, "token_type_hint": canary}, API_SERVER),
        satchel.post(f"/token?{canary}", GRANT, CXF),
    ):
        assert canary not in f"{answer.body!r}{answer.headers}".lower()


def test_87_a_fault_of_our_own(satchel: Satchel, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 without a word of it; the log has the kind and the place, and not the message either."""

    def broken(*_: Any) -> Any:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(settle_module, "fresh_id", broken)
    before = len(satchel.lines)
    answer = satchel.post("/token", GRANT, CXF)
    assert (answer.status, answer.json()["error"]) == (500, "server_error")
    assert answer.headers["cache-control"] == "no-store"
    assert b"hunter2" not in answer.body
    assert b"Traceback" not in answer.body
    logged = [json.loads(line) for line in satchel.lines[before:]]
    [event] = [line for line in logged if line.get("level") == "error"]
    assert event["fault"] == "RuntimeError"
    assert "test_bodies.py:" in event["place"]
    [request] = [line for line in logged if "status" in line]
    assert (request["status"], request["endpoint"]) == (500, "token")
    assert b"hunter2" not in b"".join(satchel.lines)
    monkeypatch.undo()
    assert satchel.post("/token", GRANT, CXF).status == 200


def test_91_no_secret_and_no_token_in_any_line(make_satchel: Any) -> None:
    satchel = make_satchel(DEMO)
    token = satchel.token()
    sealed = satchel.token(resource="https://vault.example.com")
    for text in (token, sealed, token[:-1], sealed + "x"):
        satchel.introspect(text)
        satchel.get(f"/introspect?token={text}", {"Authorization": f"Bearer {text}", "Cookie": text, "Referer": text})
        satchel.get(f"/{text}")
    satchel.post("/token", GRANT + b"&client_id=123456789&client_secret=987654321")
    satchel.post("/token?client_secret=987654321", GRANT)
    satchel.post("/token", GRANT, {"Authorization": "Basic MTIzNDU2Nzg5Ojk4NzY1NDMyMQ"})
    logged = b"".join(satchel.lines).decode()
    for secret in ("987654321", "MTIzNDU2Nzg5Ojk4NzY1NDMyMQ", "api-secret", *token.split("."), *sealed.split(".")):
        assert secret not in logged
    metrics = satchel.get("/metrics").body.decode()
    assert "987654321" not in metrics
    assert token[:20] not in metrics
