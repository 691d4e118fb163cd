"""One JSON line a request, of known members, without a secret, a token, a query or a path (attack 91)."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worlds.demo import API_SERVER, CXF, DEMO
from tests.worlds.http import basic, form_bytes
from tests.worlds.satchel import NOW, Satchel

ALWAYS = {"time", "id", "ms", "remote", "method", "status"}
AUDIT = {"subject", "audiences", "scopes", "expires", "refresh_jti", "has_id_token"}
SOMETIMES = {"endpoint", "client_id", "auth_method", "grant_type", "format", "jti", "error", "reason"} | AUDIT
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("record"), DEMO)


@pytest.fixture
def satchel(served: Satchel) -> Satchel:
    served.lines.clear()
    return served


def only(satchel: Satchel) -> dict[str, Any]:
    [line] = satchel.lines
    assert b"\n" not in line
    record: dict[str, Any] = json.loads(line)
    assert ALWAYS <= set(record) <= ALWAYS | SOMETIMES
    return record


def test_a_token(satchel: Satchel) -> None:
    satchel.token()
    record = only(satchel)
    assert (record["time"], record["remote"], record["method"]) == (NOW, "127.0.0.1", "POST")
    assert (record["endpoint"], record["status"]) == ("token", 200)
    assert (record["client_id"], record["auth_method"]) == ("123456789", "client_secret_basic")
    assert (record["grant_type"], record["format"]) == ("client_credentials", "jwt")
    assert len(record["jti"]) == 22
    assert record["id"]
    assert record["ms"] > 0
    assert not {"error", "reason"} & set(record)


def test_the_id_of_the_token_and_not_the_token(satchel: Satchel) -> None:
    token = satchel.token()
    issued = satchel.log[-1]["jti"]
    satchel.introspect(token)
    assert satchel.log[-1]["jti"] == issued
    assert satchel.log[-1]["endpoint"] == "introspect"


def test_every_request_has_an_id_of_its_own(satchel: Satchel) -> None:
    for _ in range(50):
        satchel.get("/healthz")
    assert len({line["id"] for line in satchel.log}) == 50


ENDPOINTS = {
    "/token": "token",
    "/introspect": "introspect",
    "/jwks": "jwks",
    "/.well-known/oauth-authorization-server": "metadata",
    "/healthz": "healthz",
    "/readyz": "readyz",
    "/metrics": "metrics",
    "/nowhere": "-",
    "/token/": "-",
    "//token": "-",
}


@pytest.mark.parametrize("path", ENDPOINTS)
def test_the_endpoint_by_its_name(satchel: Satchel, path: str) -> None:
    if path in ("/token", "/introspect"):
        satchel.post(path)
    else:
        satchel.get(path)
    assert only(satchel).get("endpoint", "-") == ENDPOINTS[path]


REFUSALS = [
    (GRANT, {}, "invalid_client", "client authentication is missing"),
    (GRANT, basic("nobody", "x"), "invalid_client", "unknown client"),
    (GRANT, basic("123456789", "x"), "invalid_client", "wrong secret"),
    ({}, CXF, "invalid_request", "grant_type is missing"),
    (
        {"grant_type": "x"},
        CXF,
        "unsupported_grant_type",
        "grant_type is unknown; see grant_types_supported in the metadata",
    ),
    (
        {**GRANT, "scope": "x"},
        CXF,
        "invalid_scope",
        "scope has a value that the client may not request or that was not granted",
    ),
]


@pytest.mark.parametrize(("form", "headers", "error", "reason"), REFUSALS)
def test_a_refusal_and_its_reason(
    satchel: Satchel, form: dict[str, str], headers: dict[str, str], error: str, reason: str
) -> None:
    answer = satchel.post("/token", form, headers)
    record = only(satchel)
    assert (record["error"], record["reason"], record["status"]) == (error, reason, answer.status)
    if error == "invalid_client":
        assert "client_id" not in record
        assert reason == "client authentication is missing" or reason not in answer.body.decode()


def test_what_is_known_of_a_refusal_is_kept(satchel: Satchel) -> None:
    satchel.post("/token", {**GRANT, "scope": "x"}, CXF)
    record = only(satchel)
    assert (record["client_id"], record["grant_type"]) == ("123456789", "client_credentials")
    assert "jti" not in record


def test_no_lines_where_none_are_wanted(make_satchel: Any) -> None:
    silent = make_satchel(DEMO + "\n[logging]\nrequests = false\n")
    silent.lines.clear()
    silent.token()
    silent.get("/nowhere")
    assert silent.lines == []


CANARY = "c4n4ry"
junk = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20).map(lambda text: CANARY + text)
names = st.sampled_from(["grant_type", "scope", "resource", "client_id", "client_secret", "token", "code", "x"])
headers = st.sampled_from(["Authorization", "Cookie", "Referer", "User-Agent", "X-Request-Id", "DPoP", "Host"])


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    st.sampled_from(["/token", "/introspect", "/jwks", "/metrics", "/"]),
    st.dictionaries(names, junk, max_size=4),
    st.dictionaries(headers, junk, max_size=4),
    st.booleans(),
    st.sampled_from(["", "/" + CANARY, "?" + CANARY, f"?token={CANARY}", f"/%2e%2e/{CANARY}?{CANARY}#{CANARY}"]),
)
def test_nothing_that_a_caller_sends_is_written(
    served: Satchel, method: str, path: str, form: dict[str, str], sent: dict[str, str], known: bool, tail: str
) -> None:
    served.lines.clear()
    everything = {"Content-Type": "application/x-www-form-urlencoded", **sent, **(API_SERVER if known else {})}
    served.request(method, path + tail, form_bytes(form), everything)
    record = only(served)
    assert CANARY not in json.dumps(record)
    served.request("POST", "/token", CANARY.encode(), {"Content-Type": CANARY})
    assert CANARY.encode() not in b"".join(served.lines)


def test_a_log_line_cannot_be_broken_by_a_caller(satchel: Satchel) -> None:
    satchel.request('X"\n{"time":1}', "/token\n{}")
    assert only(satchel)["status"] >= 400
