"""The CORS protocol of the Fetch standard: what a program in a browser is allowed to send and to read."""

from pathlib import Path

import pytest

from service.app import load
from service.config import ConfigError
from tests.worlds.client_proofs import client_toml
from tests.worlds.demo import CXF, DEMO
from tests.worlds.dpop import Holder
from tests.worlds.http import Answer, granted, refused
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.refresh_chains import RS, toml
from tests.worlds.satchel import NOW, Satchel

HOME, OTHER = "https://app.example.com", "http://127.0.0.1:5173"
ALLOW = "access-control-allow-origin"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,dpop"}
PUBLIC = {
    "grants": ["authorization_code", "refresh_token"],
    "redirect_uris": [HOME + "/callback"],
    "scopes": ["read"],
}
CLIENTS = (
    client_toml("page", "none", **{**PUBLIC, "origins": [HOME]})
    + client_toml("both", "none", **{**PUBLIC, "origins": [HOME, OTHER], "dpop_nonce": True})
    + client_toml("away", "none", **{**PUBLIC, "origins": [OTHER]})
)
PATHS = ("/token", "/introspect", "/revoke")


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("cors"), toml() + CLIENTS)


def redeem(satchel: Satchel, client: str, origin: str, **headers: str) -> Answer:
    code = satchel.code(client_id=client, scopes=("read",), challenge=CHALLENGE)
    form = {"grant_type": "authorization_code", "client_id": client, "code": code, "code_verifier": VERIFIER}
    return satchel.post("/token", form, {"Origin": origin, **headers})


def cors_fields(answer: Answer) -> set[str]:
    return {name for name in answer.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("origin", [HOME, OTHER])
@pytest.mark.parametrize("path", PATHS)
def test_a_preflight(satchel: Satchel, path: str, origin: str) -> None:
    answer = satchel.request("OPTIONS", path, headers={**PREFLIGHT, "Origin": origin})
    assert (answer.status, answer.body, answer.headers[ALLOW], answer.headers["vary"]) == (204, b"", origin, "Origin")
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == "Authorization, Content-Type, DPoP"
    assert int(answer.headers["access-control-max-age"]) <= 7200
    assert "access-control-allow-credentials" not in answer.headers
    assert (satchel.log[-1]["endpoint"], satchel.log[-1]["status"]) == (path[1:], 204)


@pytest.mark.parametrize(
    "changes",
    [
        {"Origin": "https://evil.example.com"},
        {"Origin": None},
        {"Access-Control-Request-Method": "PUT"},
        {"Access-Control-Request-Method": None},
    ],
)
def test_what_is_no_preflight_of_ours(satchel: Satchel, changes: dict[str, str | None]) -> None:
    whole = {**PREFLIGHT, "Origin": HOME, **changes}
    answer = satchel.request("OPTIONS", "/token", headers={name: value for name, value in whole.items() if value})
    assert (answer.status, cors_fields(answer)) == (405, set())


def test_tokens_for_a_page(satchel: Satchel) -> None:
    answer = redeem(satchel, "page", HOME)
    tokens = granted(answer)
    assert (answer.headers[ALLOW], answer.headers["vary"]) == (HOME, "Origin")
    assert answer.headers["access-control-expose-headers"] == "DPoP-Nonce, WWW-Authenticate"
    assert answer.headers["cache-control"] == "no-store"
    form = {"client_id": "page", "token": tokens["refresh_token"]}
    revoked = satchel.post("/revoke", form, {"Origin": HOME})
    assert (revoked.status, revoked.headers[ALLOW]) == (200, HOME)


def test_a_nonce_can_be_read(satchel: Satchel) -> None:
    answer = redeem(satchel, "both", OTHER, DPoP=Holder().proof(NOW))
    refused(answer, "use_dpop_nonce")
    assert answer.headers[ALLOW] == OTHER
    assert answer.headers["dpop-nonce"]


def test_a_refusal_can_be_read_while_the_client_is_not_known(satchel: Satchel) -> None:
    answer = satchel.post("/token", {"grant_type": "client_credentials", "client_id": "x"}, {"Origin": HOME})
    refused(answer, "invalid_client", 401)
    assert answer.headers[ALLOW] == HOME


@pytest.mark.parametrize(("client", "origin"), [("page", OTHER), ("away", HOME), ("page", "https://evil.example.com")])
def test_another_clients_page_reads_nothing(satchel: Satchel, client: str, origin: str) -> None:
    answer = redeem(satchel, client, origin)
    assert (answer.status, cors_fields(answer)) == (200, set())


def test_without_an_origin_nothing_is_added(satchel: Satchel) -> None:
    answer = satchel.post("/introspect", {"token": "x"}, RS)
    assert answer.status == 200
    assert not cors_fields(answer)
    assert "vary" not in answer.headers


def test_a_client_without_pages(satchel: Satchel) -> None:
    answer = satchel.post("/introspect", {"token": "x"}, {**RS, "Origin": HOME})
    assert (answer.status, cors_fields(answer)) == (200, set())


def test_a_repeated_request_of_an_origin(tmp_path: Path) -> None:
    satchel = Satchel(tmp_path, DEMO.replace('id = "123456789"\n', f'id = "123456789"\norigins = ["{HOME}"]\n'))
    for origin, expected in ((HOME, HOME), (None, None), (OTHER, None), (HOME, HOME)):
        headers = {**CXF, **({"Origin": origin} if origin else {})}
        answer = satchel.post("/token", "grant_type=client_credentials", headers)
        assert (answer.status, answer.headers.get(ALLOW)) == (200, expected)


@pytest.mark.parametrize("path", ["/jwks", "/.well-known/oauth-authorization-server"])
def test_documents_are_for_everybody(satchel: Satchel, path: str) -> None:
    assert satchel.get(path, {"Origin": "https://anybody.example"}).headers[ALLOW] == "*"


def configured(tmp_path: Path, origin: str) -> tuple[str, ...]:
    file = tmp_path / "satchel.toml"
    file.write_text(toml() + client_toml("page", "none", **{**PUBLIC, "origins": [origin]}))
    return load(file, {}).clients[-1].origins


GOOD = [
    HOME,
    OTHER,
    "https://app.example.com:8443",
    "http://localhost:3000",
    "http://[::1]:8080",
    "https://xn--p1ai.xn--p1ai",
]


@pytest.mark.parametrize("origin", GOOD)
def test_an_origin(tmp_path: Path, origin: str) -> None:
    assert configured(tmp_path, origin) == (origin,)


BROKEN = [
    "null",
    "*",
    "https://*.example.com",
    "https://App.example.com",
    "HTTPS://app.example.com",
    "https://app.example.com/",
    "https://app.example.com/path",
    "https://app.example.com?",
    "https://app.example.com:443",
    "https://app.example.com:0",
    "https://app.example.com:70000",
    "https://user@app.example.com",
    "http://app.example.com",
    "http://127.0.0.1:80",
    "https://приклад.example",
    "https://",
    "app.example.com",
    "file://",
]


@pytest.mark.parametrize("origin", BROKEN)
def test_what_no_browser_sends_as_an_origin(tmp_path: Path, origin: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, origin)
    (problem,) = caught.value.problems
    assert problem.path.endswith("].origins[0]")
