"""The decision API over HTTP: who may call it, where it is, what its messages look like."""

import json
from base64 import b64encode
from pathlib import Path

import pytest

from service.decision_api.calls import CALLS, NOT_KEPT
from tests.worlds.decision_api import BEARER, KEY, SECRET, DecisionApi, content
from tests.worlds.gunicorn import Running
from tests.worlds.satchel import Satchel
from tests.worlds.watched_memory import watched

ASK = json.dumps({"parameters": "grant_type=client_credentials", "clientId": "web", "clientSecret": "secret"}).encode()


def basic(key: str, secret: str) -> str:
    return "Basic " + b64encode(f"{key}:{secret}".encode()).decode()


@pytest.mark.parametrize(
    "authorization", [basic(KEY, SECRET), basic("10002", "other secret"), f"Bearer {BEARER}", f"bearer {BEARER}"]
)
def test_whoever_is_known_may_call(service: DecisionApi, authorization: str) -> None:
    assert service.raw("auth/token", ASK, authorization=authorization).status == 200
    answer = service.raw("auth/token", ASK, authorization=authorization)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !",
        "Basic " + b64encode(KEY.encode()).decode(),
        basic(KEY, ""),
        basic(KEY, "other secret"),
        basic("10003", SECRET),
        basic("", SECRET),
        basic("web", "secret"),
        "Bearer",
        "Bearer " + SECRET,
        f"Digest {BEARER}",
        BEARER,
    ],
)
def test_nobody_else_does(service: DecisionApi, authorization: str) -> None:
    for name in ("auth/token", "service/jwks/get", "client/get/list", "nonsense"):
        answer = service.raw(name, ASK, authorization=authorization)
        assert (answer.status, answer.json()["resultCode"]) == (401, "A000001")
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert set(answer.json()) == {"resultCode", "resultMessage"}


def test_a_service_is_its_key(service: DecisionApi) -> None:
    assert service.raw(f"{KEY}/auth/token", ASK).status == 200
    assert service.raw(f"{KEY}/auth/token", ASK, authorization=f"Bearer {BEARER}").status == 200
    assert service.raw("10002/auth/token", ASK, authorization=f"Bearer {BEARER}").status == 200
    assert service.raw("10002/auth/token", ASK).status == 404
    assert service.raw("10003/auth/token", ASK, authorization=f"Bearer {BEARER}").status == 404


@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_made_with_its_method(service: DecisionApi, name: str) -> None:
    methods = CALLS[name].methods
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = service.raw(name, b"" if method == "GET" else b"{}", method)
        assert (answer.status == 405) == (method not in methods)
        if method not in methods:
            assert answer.headers["allow"] == ", ".join(methods)


@pytest.mark.parametrize("name", [*NOT_KEPT, "client/get/1", "auth/token/delete/x", f"{KEY}/auth/token/get/list"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_is_not_kept_says_so(service: DecisionApi, name: str, method: str) -> None:
    answer = service.raw(name, b"", method)
    assert (answer.status, answer.json()["resultCode"]) == (404, "A000401")
    assert "not kept" in answer.json()["resultMessage"]


def test_what_is_no_call_says_so(service: DecisionApi) -> None:
    for name in ("nonsense", "", "auth", "auth/token/", "clients", "../token"):
        assert service.raw(name, b"").json()["resultCode"] == "A000402"
    assert service.request("GET", "/apiary").status == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[]", "not a JSON object"),
        (b"nonsense", "not JSON"),
        (b'{"parameters": "a", "parameters": "b"}', "duplicate"),
        (b'{"parameters": ' + b"[" * 60 + b"]" * 60 + b"}", "too deep"),
        (b'{"parameters": "\\ud800"}', "not JSON"),
        (b'{"parameters": NaN}', "NaN"),
        (b'{"parameters": 1}', "$.parameters"),
        (b'{"properties": [{"key": 1}], "parameters": ""}', "$.properties[0].key"),
        (b"\xff", "not JSON"),
    ],
)
def test_messages_are_strict(service: DecisionApi, body: bytes, said: str) -> None:
    answer = service.raw("auth/token", body)
    assert (answer.status, answer.json()["resultCode"]) == (400, "A001201")
    assert said in answer.json()["resultMessage"]


def test_messages_are_json(service: DecisionApi) -> None:
    assert service.raw("auth/token", ASK, kind="application/json; charset=utf-8").status == 200
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert service.raw("auth/token", ASK, kind=kind).json()["resultCode"] == "A000004"
    assert service.raw("auth/token", b" " * 65_537).status == 413


def test_a_repeated_header_is_refused(service: DecisionApi) -> None:
    headers = [("Authorization", basic(KEY, SECRET)), ("Authorization", basic("x", "y"))]
    answer = service.request("POST", "/api/auth/token", ASK, headers)
    assert (answer.status, answer.json()["resultCode"]) == (400, "A000201")


def test_members_that_are_not_known_are_left_unread(service: DecisionApi) -> None:
    assert service.call("auth/token", **json.loads(ASK), dpopNonceRequired=False, tomorrow={"x": [1]})["action"] == "OK"


def test_a_client_id_without_a_secret_must_be_in_the_form(service: DecisionApi) -> None:
    got = service.call("auth/token", parameters="grant_type=password&client_id=wallet", clientId="wallet")
    assert content(got)["error"] == "invalid_dpop_proof"  # it is known who asks
    assert "clientSecret" in service.fault("auth/token", parameters="grant_type=password", clientId="wallet")


def test_documents(service: DecisionApi) -> None:
    keys = service.raw("service/jwks/get?pretty=true&includePrivateKeys=true", b"", "GET").json()
    assert keys == service.get("/jwks").json()
    assert not any("d" in key for key in keys["keys"])
    for method, body in (("GET", b""), ("POST", b'{"pretty": true, "patch": null}')):
        document = service.raw("service/configuration", body, method).json()
        assert document == service.get("/.well-known/openid-configuration").json()
    assert "patch" in service.fault("service/configuration", patch='[{"op": "remove"}]')


def test_the_log_knows_the_call_and_the_client_and_no_secret(service: DecisionApi) -> None:
    got = service.call("auth/token", **json.loads(ASK))
    line = service.log[-1]
    assert (line["endpoint"], line["client_id"], line["grant_type"]) == ("api:auth/token", "web", "client_credentials")
    assert (line["format"], line["auth_method"]) == ("jwt", "client_secret_basic")
    service.call("auth/token", parameters="grant_type=password", clientId="web", clientSecret="hunter2")
    assert service.log[-1]["error"] == "invalid_client"
    service.fault("auth/token", accessToken="mine", parameters="x=1")
    assert "cannot be chosen" in service.log[-1]["reason"]
    secrets = (got["accessToken"], SECRET, "hunter2")
    assert not any(secret.encode() in line for line in service.lines for secret in secrets)


def test_a_fault_of_ours_is_told_to_nobody(service: DecisionApi, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setitem(CALLS, "auth/token", CALLS["auth/token"]._replace(answer=broken))
    answer = service.raw("auth/token", ASK)
    assert (answer.status, answer.json()["resultCode"]) == (500, "A000301")
    assert b"hunter2" not in answer.body
    assert service.log[-1]["error"] == "server_error"
    assert not any(b"hunter2" in line for line in service.lines)


def test_it_is_off_unless_it_is_configured(tmp_path: Path) -> None:
    service = DecisionApi(tmp_path)
    text = service.file.read_text().replace("[api]\nenabled = true", "[api]\nenabled = false")
    off = Satchel(tmp_path / "off", text)
    headers = {"Authorization": basic(KEY, SECRET), "Content-Type": "application/json"}
    answer = off.request("POST", "/api/auth/token", ASK, headers)
    assert (answer.status, answer.json()["error"]) == (404, "invalid_request")


def test_it_has_a_path_of_its_own(tmp_path: Path) -> None:
    service = DecisionApi(tmp_path, 'path = "/decisions/api"')
    headers = {"Authorization": basic(KEY, SECRET), "Content-Type": "application/json"}
    assert service.request("POST", "/decisions/api/auth/token", ASK, headers).status == 200
    assert service.request("POST", f"/decisions/api/{KEY}/auth/token", ASK, headers).status == 200
    assert service.raw("auth/token", ASK).status == 404


def test_a_memory_that_is_gone_takes_nothing_else_along(service: DecisionApi) -> None:
    watched(service).down = True
    assert service.call("auth/token", **json.loads(ASK))["action"] == "OK"


@pytest.mark.slow
def test_it_has_a_port_of_its_own(tmp_path: Path, free_port: int) -> None:
    text = DecisionApi(tmp_path / "in").file.read_text()
    text = text.replace("[api]\nenabled = true", f'[api]\nenabled = true\nbind = "127.0.0.1:{free_port}"')
    with Running(tmp_path / "out", text, workers=1) as server:
        headers = {"Authorization": basic(KEY, SECRET), "Content-Type": "application/json"}
        usual = server.request("POST", "/api/auth/token", ASK, headers)
        assert (usual.status, usual.json()["resultCode"]) == (404, "A000402")
        server.url = f"http://127.0.0.1:{free_port}"
        assert server.request("POST", "/api/auth/token", ASK, headers).json()["action"] == "OK"
        assert server.request("POST", "/api/auth/token", ASK).status == 401
