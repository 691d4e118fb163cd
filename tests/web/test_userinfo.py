"""/userinfo over HTTP: verbs, challenges (RFC 6750 section 3, RFC 9449 section 7.1), and programs in a browser."""

from pathlib import Path
from typing import Any

import pytest

from tests.worlds.demo import DEMO
from tests.worlds.dpop import Holder
from tests.worlds.http import Answer, granted
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.refresh_chains import toml
from tests.worlds.satchel import Satchel

HOME = "https://app.example.com"
TOML = (
    DEMO
    + f"""
[[clients]]
id = "page"
auth_methods = ["none"]
grants = ["authorization_code", "refresh_token"]
redirect_uris = ["{HOME}/callback"]
origins = ["{HOME}"]
scopes = ["openid", "profile", "read"]
"""
)
ALLOW = "access-control-allow-origin"


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("userinfo"), TOML)


def token(satchel: Satchel, *scopes: str, holder: Holder | None = None) -> str:
    code = satchel.code(client_id="page", scopes=scopes, challenge=CHALLENGE)
    form = {"grant_type": "authorization_code", "client_id": "page", "code": code, "code_verifier": VERIFIER}
    headers = {} if holder is None else {"DPoP": holder.proof(satchel.now, "http://127.0.0.1:8000/token")}
    return str(granted(satchel.post("/token", form, headers))["access_token"])


def challenge(answer: Answer) -> str:
    assert answer.headers["cache-control"] == "no-store"
    return answer.headers["www-authenticate"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_it_is(satchel: Satchel, method: str) -> None:
    answer = satchel.request(method, "/userinfo", headers={"Authorization": f"Bearer {token(satchel, 'openid')}"})
    assert (answer.status, answer.json()["sub"]) == (200, "alice")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert "www-authenticate" not in answer.headers
    assert (satchel.log[-1]["endpoint"], satchel.log[-1]["client_id"]) == ("userinfo", "page")


def test_a_token_in_a_form(satchel: Satchel) -> None:
    answer = satchel.post("/userinfo", {"access_token": token(satchel, "openid")})
    assert (answer.status, answer.json()["sub"]) == (200, "alice")


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data"])
def test_a_body_that_is_no_form(satchel: Satchel, kind: str) -> None:
    body = f"access_token={token(satchel, 'openid')}".encode()
    assert satchel.request("POST", "/userinfo", body, {"Content-Type": kind}).status == 400


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_in_the_query_is_none(satchel: Satchel, method: str) -> None:
    answer = satchel.request(method, f"/userinfo?access_token={token(satchel, 'openid')}")
    assert answer.status == 401
    assert "error" not in challenge(answer)


def test_without_a_token_nothing_is_said_of_one(satchel: Satchel) -> None:
    answer = satchel.get("/userinfo")
    assert answer.status == 401
    assert challenge(answer).startswith('Bearer realm="satchel", DPoP realm="satchel", algs="ES256 ')


def test_a_token_that_is_not_good(satchel: Satchel) -> None:
    answer = satchel.get("/userinfo", {"Authorization": "Bearer nonsense"})
    assert answer.status == 401
    assert challenge(answer).startswith('Bearer realm="satchel", error="invalid_token", error_description="')


def test_a_token_without_openid(satchel: Satchel) -> None:
    answer = satchel.get("/userinfo", {"Authorization": f"Bearer {token(satchel, 'read')}"})
    assert answer.status == 403
    assert 'error="insufficient_scope"' in challenge(answer)


def test_a_token_that_is_bound(satchel: Satchel) -> None:
    holder = Holder()
    bound = token(satchel, "openid", holder=holder)
    assert satchel.get("/userinfo", {"Authorization": f"Bearer {bound}"}).status == 401
    answer = satchel.get("/userinfo", {"Authorization": f"DPoP {bound}", "DPoP": "nonsense"})
    assert answer.status == 401
    assert challenge(answer).startswith('DPoP realm="satchel", algs="')
    assert 'error="invalid_dpop_proof"' in challenge(answer)


def test_a_form_with_a_token_beside_the_header(satchel: Satchel) -> None:
    good = token(satchel, "openid")
    answer = satchel.post("/userinfo", {"access_token": good}, {"Authorization": f"Bearer {good}"})
    assert answer.status == 400
    assert 'error="invalid_request"' in challenge(answer)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_verbs(satchel: Satchel, method: str) -> None:
    answer = satchel.request(method, "/userinfo")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_preflight(satchel: Satchel, method: str) -> None:
    asked = {"Origin": HOME, "Access-Control-Request-Method": method}
    answer = satchel.request("OPTIONS", "/userinfo", headers=asked)
    assert (answer.status, answer.headers[ALLOW]) == (204, HOME)
    assert answer.headers["access-control-allow-methods"] == "GET, POST"


@pytest.mark.parametrize(("origin", "allowed"), [(HOME, HOME), ("https://evil.example", None), ("null", None)])
def test_who_may_read(satchel: Satchel, origin: str, allowed: str | None) -> None:
    headers: dict[str, Any] = {"Authorization": f"Bearer {token(satchel, 'openid')}", "Origin": origin}
    answer = satchel.get("/userinfo", headers)
    assert (answer.status, answer.headers.get(ALLOW)) == (200, allowed)


def test_without_openid_connect_it_is_not_there(tmp_path: Path) -> None:
    assert Satchel(tmp_path, toml()).get("/userinfo").status == 404
