"""OpenID Connect Discovery section 3, and what other documents add to the metadata: listed, and working."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.protocol.claims import of_scopes
from tests.worlds.identifiers import ISSUER
from tests.worlds.openid import SCOPES, OpenId
from tests.worlds.satchel import Satchel

OPENID, OAUTH = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
REQUIRED = {
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "scopes_supported",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "claims_supported",
}


@pytest.fixture(scope="module")
def openid(tmp_path_factory: pytest.TempPathFactory) -> OpenId:
    return OpenId(tmp_path_factory.mktemp("discovery"))


@pytest.fixture(scope="module")
def document(openid: OpenId) -> dict[str, Any]:
    answer = openid.get(OPENID)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["access-control-allow-origin"] == "*"
    return dict(answer.json())


def test_required_members(document: dict[str, Any]) -> None:
    assert document.keys() >= REQUIRED
    assert document["issuer"] == ISSUER
    assert document["response_types_supported"] == ["code"]
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    assert set(SCOPES.split()) <= set(document["scopes_supported"])
    assert {"authorization_code", "refresh_token"} <= set(document["grant_types_supported"])


def test_one_document_at_both_paths(openid: OpenId, document: dict[str, Any]) -> None:
    assert openid.get(OAUTH).json() == document


def test_every_url_answers(openid: OpenId, document: dict[str, Any]) -> None:
    urls = {name: value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))}
    assert len(urls) == 8
    for name, url in urls.items():
        assert url.startswith(ISSUER + "/"), name
        path = urlsplit(url).path
        assert openid.get(path).status != 404 or openid.post(path).status != 404, name


def test_every_listed_algorithm_signs(openid: OpenId, document: dict[str, Any]) -> None:
    algs = set(document["id_token_signing_alg_values_supported"])
    published = {key["alg"] for key in openid.get("/jwks").json()["keys"]}
    assert algs == set(document["userinfo_signing_alg_values_supported"]) == published


def test_every_listed_claim_can_be_had_by_a_scope(document: dict[str, Any]) -> None:
    assert of_scopes(document["scopes_supported"]) | {"sub"} == set(document["claims_supported"])


def test_what_depends_on_the_configuration(tmp_path: Path, document: dict[str, Any]) -> None:
    assert document["subject_types_supported"] == ["public", "pairwise"]
    assert document["require_pushed_authorization_requests"] is False
    assert "authorization_details_types_supported" not in document
    assert "device_authorization_endpoint" not in document
    plain = Satchel(tmp_path, BARE + '[[detail_types]]\ntype = "payment"\n')
    other = plain.get("/op" + OPENID).json()
    assert other["subject_types_supported"] == ["public"]
    assert other["require_pushed_authorization_requests"] is True
    assert other["require_signed_request_object"] is False
    assert other["authorization_details_types_supported"] == ["payment"]
    assert other["device_authorization_endpoint"] == "https://as.example.com/op/device_authorization"


def test_an_issuer_with_a_path_has_them_at_two_places(tmp_path: Path) -> None:
    plain = Satchel(tmp_path, BARE)
    assert plain.get("/op" + OPENID).json() == plain.get(OAUTH + "/op").json()
    assert plain.get(OPENID).status == 404


def test_where_openid_connect_is_off(tmp_path: Path) -> None:
    plain = Satchel(tmp_path, BARE.replace("enabled = true", "enabled = false"))
    assert plain.get("/op" + OPENID).status == 404
    said = plain.get(OAUTH + "/op").json()
    assert not {"userinfo_endpoint", "end_session_endpoint", "claims_supported"} & said.keys()
    assert "openid" not in said["scopes_supported"]
    assert said["authorization_endpoint"] == "https://as.example.com/op/authorize"


BARE = """
issuer = "https://as.example.com/op"
default_resource = "https://api.example.com"
[openid]
enabled = true
[[resources]]
identifier = "https://api.example.com"
scopes = ["read"]
[[clients]]
id = "app"
auth_methods = ["none"]
grants = ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]
redirect_uris = ["https://app.example.com/callback"]
require_pushed_authorization_requests = true
[[users.known]]
id = "alice"
password = "$argon2id$v=19$m=19456,t=2,p=1$kpcmE5Zr2Ig+pOAst8Ziuw$Duntc0PJI8GyjI/aZLklLpaL+A8VbjaCpOun1hbF3ws"
"""
