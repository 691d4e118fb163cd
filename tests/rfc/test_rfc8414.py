"""RFC 8414: the metadata lists what works, and what it lists works."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.worlds.demo import API_SERVER, CXF, DEMO
from tests.worlds.http import Answer
from tests.worlds.satchel import Satchel

WELL_KNOWN = "/.well-known/oauth-authorization-server"
FORM = {"grant_type": "client_credentials"}


def metadata(satchel: Satchel, path: str = WELL_KNOWN) -> dict[str, Any]:
    answer = satchel.get(path)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return dict(answer.json())


def test_section_2_required_members(satchel: Satchel) -> None:
    document = metadata(satchel)
    assert document["issuer"] == satchel.config.issuer
    assert isinstance(document["response_types_supported"], list)
    assert all(value is not None for value in document.values())


def test_every_url_is_below_the_issuer_and_answers(satchel: Satchel) -> None:
    for name, value in metadata(satchel).items():
        if name.endswith(("_endpoint", "_uri")):
            assert value.startswith(satchel.config.issuer + "/"), name
            path = urlsplit(value).path
            assert satchel.get(path).status != 404 or satchel.post(path).status != 404, name


def test_what_is_listed_works(satchel: Satchel) -> None:
    document = metadata(satchel)
    token = satchel.post(urlsplit(document["token_endpoint"]).path, FORM, CXF).json()["access_token"]
    seen = satchel.post(urlsplit(document["introspection_endpoint"]).path, {"token": token}, API_SERVER).json()
    assert seen["iss"] == document["issuer"]
    assert satchel.get(urlsplit(document["jwks_uri"]).path).json()["keys"]


def test_every_listed_grant_type_is_known(satchel: Satchel) -> None:
    assert "client_credentials" in metadata(satchel)["grant_types_supported"]
    for grant_type in metadata(satchel)["grant_types_supported"]:
        answer = satchel.post("/token", {"grant_type": grant_type}, CXF)
        assert answer.status == 200 or answer.json()["error"] != "unsupported_grant_type", grant_type


@pytest.mark.parametrize("endpoint", ["token", "introspection"])
def test_the_listed_ways_of_authentication(satchel: Satchel, endpoint: str) -> None:
    document = metadata(satchel)
    methods = document[f"{endpoint}_endpoint_auth_methods_supported"]
    assert {"client_secret_basic", "client_secret_post"} <= set(methods)
    path = urlsplit(document[f"{endpoint}_endpoint"]).path
    form = {**FORM, "token": "x"}
    body = {"client_id": "123456789", "client_secret": "987654321"}
    assert satchel.post(path, form, CXF).status == 200
    assert satchel.post(path, {**form, **body}).status == 200


def test_every_listed_scope_can_be_had(satchel: Satchel) -> None:
    for resource in satchel.config.resources:
        for scope in resource.scopes:
            assert scope in metadata(satchel)["scopes_supported"]
            answer = satchel.post("/token", {**FORM, "scope": scope, "resource": resource.identifier}, CXF)
            assert answer.status == 200, (scope, answer.body)


def test_configured_paths_are_listed(make_satchel: Any) -> None:
    paths = '[endpoints]\ntoken = "/a/token"\nintrospect = "/b"\njwks = "/c/jwks.json"\n\n[memory]'
    satchel = make_satchel(DEMO.replace("[memory]", paths))
    document = metadata(satchel)
    assert document["token_endpoint"] == satchel.config.issuer + "/a/token"
    assert document["introspection_endpoint"] == satchel.config.issuer + "/b"
    assert document["jwks_uri"] == satchel.config.issuer + "/c/jwks.json"
    test_what_is_listed_works(satchel)
    for path in ("/token", "/introspect", "/jwks"):
        assert satchel.post(path).status == satchel.get(path).status == 404


@pytest.mark.parametrize("path", ["/tenant", "/a/b"])
def test_section_3_1_an_issuer_with_a_path(make_satchel: Any, path: str) -> None:
    satchel = make_satchel(DEMO.replace("{port}", "{port}" + path))
    assert satchel.get(WELL_KNOWN).status == 404
    document = metadata(satchel, WELL_KNOWN + path)
    assert document["issuer"] == f"http://127.0.0.1:8000{path}"
    form = satchel.post(urlsplit(document["token_endpoint"]).path, FORM, CXF)
    assert form.status == 200
    assert satchel.get(urlsplit(document["jwks_uri"]).path).status == 200
    assert satchel.post(urlsplit(document["introspection_endpoint"]).path, {"token": "x"}, API_SERVER).status == 200


def test_anyone_may_read_and_cache_it(satchel: Satchel) -> None:
    answer = satchel.get(WELL_KNOWN, {"Origin": "https://spa.example.com"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"].startswith("public, max-age=")


SPOOFED = {
    "Host": "evil.example.com",
    "X-Forwarded-Host": "evil.example.com",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "203.0.113.1",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/evil",
    "X-Original-URL": "/evil",
    "X-Rewrite-URL": "/evil",
    "Forwarded": "host=evil.example.com;proto=https",
}


@pytest.mark.parametrize("header", SPOOFED)
def test_the_issuer_is_a_constant(satchel: Satchel, header: str) -> None:
    spoofed = {header: SPOOFED[header]}
    plain: Answer = satchel.get(WELL_KNOWN)
    assert satchel.get(WELL_KNOWN, spoofed) == plain
    token = satchel.post("/token", FORM, {**CXF, **spoofed}).json()["access_token"]
    assert satchel.introspect(token, {**API_SERVER, **spoofed}).json()["iss"] == satchel.config.issuer
