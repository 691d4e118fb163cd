"""RFC 6749: the token endpoint, to the letter."""

import json
from typing import Any

import pytest

from tests.worlds.demo import API_SERVER, CXF, DEMO
from tests.worlds.http import Answer, basic
from tests.worlds.satchel import Satchel

FORM = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("rfc6749"), DEMO)


def test_section_5_1_a_successful_response(satchel: Satchel) -> None:
    answer = satchel.post("/token", FORM, CXF)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert int(answer.headers["content-length"]) == len(answer.body)
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert isinstance(body["access_token"], str)
    assert (body["token_type"].lower(), body["expires_in"]) == ("bearer", 600)


def test_section_5_1_the_scope_is_told_where_it_is_not_the_one_asked_for(satchel: Satchel) -> None:
    assert "scope" not in satchel.post("/token", {**FORM, "scope": "read"}, CXF).json()
    assert satchel.post("/token", {**FORM, "scope": "read vault"}, CXF).json()["scope"] == "read"


def test_the_request_of_the_cxf_documentation(make_satchel: Any) -> None:
    satchel = make_satchel(DEMO.replace("[memory]", '[endpoints]\ntoken = "/services/oauth/token"\n\n[memory]'))
    answer = satchel.request(
        "POST",
        "/services/oauth/token",
        b"grant_type=client_credentials",
        {
            "Authorization": "Basic MTIzNDU2Nzg5Ojk4NzY1NDMyMQ==",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
            "User-Agent": "Apache CXF 2.6.0",
            "Host": "localhost:8080",
            "Connection": "keep-alive",
        },
    )
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert answer.json()["token_type"] == "Bearer"
    assert satchel.introspect(answer.json()["access_token"]).json()["client_id"] == "123456789"
    assert satchel.post("/token", FORM, CXF).status == 404


def refused(answer: Answer, status: int, code: str) -> None:
    """Section 5.2."""
    assert (answer.status, answer.json()["error"]) == (status, code)
    assert set(answer.json()) <= {"error", "error_description", "error_uri"}
    assert all(c in range(0x20, 0x7F) and c not in b'"\\' for c in answer.json().get("error_description", "").encode())
    assert answer.headers["content-type"] == "application/json"
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ("www-authenticate" in answer.headers) == (status == 401)


UNAUTHENTICATED = {
    "no credentials": {},
    "wrong secret": basic("123456789", "wrong"),
    "unknown client": basic("nobody", "987654321"),
    "another scheme": {"Authorization": "Bearer abc"},
    "junk": {"Authorization": "\x00\xff"},
}


@pytest.mark.parametrize("name", UNAUTHENTICATED)
def test_section_5_2_invalid_client_is_401_and_names_the_scheme(satchel: Satchel, name: str) -> None:
    answer = satchel.post("/token", FORM, UNAUTHENTICATED[name])
    refused(answer, 401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith('Basic realm="')


BAD_REQUESTS = {
    "no grant type": (b"", CXF, "invalid_request"),
    "empty grant type": (b"grant_type=", CXF, "invalid_request"),
    "other parameters alone": (b"scope=read", CXF, "invalid_request"),
    "unknown grant type": (b"grant_type=implicit", CXF, "unsupported_grant_type"),
    "grant type in capitals": (b"grant_type=CLIENT_CREDENTIALS", CXF, "unsupported_grant_type"),
    "grant type with a space": (b"grant_type=client_credentials+", CXF, "unsupported_grant_type"),
    "foreign grant type": (b"grant_type=urn%3Aexample%3Agrant", CXF, "unsupported_grant_type"),
    "grant not allowed": (b"grant_type=client_credentials", API_SERVER, "unauthorized_client"),
    "repeated grant type": (b"grant_type=client_credentials&grant_type=client_credentials", CXF, "invalid_request"),
    "repeated unknown parameter": (b"grant_type=client_credentials&x=1&x=2", CXF, "invalid_request"),
    "two mechanisms": (
        b"grant_type=client_credentials&client_id=123456789&client_secret=987654321",
        CXF,
        "invalid_request",
    ),
    "two clients": (b"grant_type=client_credentials&client_id=api", CXF, "invalid_request"),
    "scope beyond the client": (b"grant_type=client_credentials&scope=admin", CXF, "invalid_scope"),
    "malformed scope": (b"grant_type=client_credentials&scope=%22", CXF, "invalid_scope"),
    "unknown resource": (b"grant_type=client_credentials&resource=https://x", CXF, "invalid_target"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_section_5_2_everything_else_is_400(satchel: Satchel, name: str) -> None:
    body, credentials, code = BAD_REQUESTS[name]
    refused(satchel.post("/token", body, credentials), 400, code)


def test_section_3_1_an_unrecognised_parameter_is_ignored(satchel: Satchel) -> None:
    assert satchel.post("/token", {**FORM, "unheard": "of", "code": "x", "username": "é"}, CXF).status == 200


def test_section_3_1_a_parameter_without_a_value_is_as_if_it_were_omitted(satchel: Satchel) -> None:
    assert satchel.post("/token", b"grant_type=client_credentials&scope=&resource=&client_secret=", CXF).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize("path", ["/token", "/introspect"])
def test_section_3_2_the_method_is_post(satchel: Satchel, method: str, path: str) -> None:
    answer = satchel.request(method, path, headers=CXF)
    assert answer.status == 405
    assert "POST" in answer.headers["allow"].split(", ")
    assert "GET" not in answer.headers["allow"]
    assert answer.headers["cache-control"] == "no-store"
    if method != "HEAD":
        assert json.loads(answer.body)["error"] == "invalid_request"


def test_section_3_2_credentials_in_the_query_are_refused(satchel: Satchel) -> None:
    refused(satchel.post("/token?client_id=123456789&client_secret=987654321", FORM), 400, "invalid_request")


def test_section_2_3_1_credentials_in_the_body(satchel: Satchel) -> None:
    form = {**FORM, "client_id": "123456789", "client_secret": "987654321"}
    assert satchel.post("/token", form).status == 200


def test_section_5_2_no_key_is_active(make_satchel: Any) -> None:
    satchel = make_satchel(DEMO)
    satchel.now += 10 * 365 * 86_400
    answer = satchel.post("/token", FORM, CXF)
    refused(answer, 503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0
