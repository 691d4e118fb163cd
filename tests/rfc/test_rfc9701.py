"""RFC 9701: JWT answers of the introspection endpoint, section by section."""

import base64
import json
from pathlib import Path

import jwt
import pytest

from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import API, ISSUER
from tests.worlds.refresh_chains import RefreshChains
from tests.worlds.satchel import NOW

TYPE = "application/token-introspection+jwt"


@pytest.fixture
def sessions(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path)


def asked(sessions: RefreshChains, token: str, caller: str = "rs-api") -> Answer:
    return sessions.post("/introspect", {"token": token}, {"Accept": TYPE, **basic(caller, "secret")})


def parts(answer: Answer) -> tuple[dict[str, object], dict[str, object]]:
    head, body, _ = answer.body.decode().split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, body))  # type: ignore[return-value]


def test_section_4_the_media_type_that_is_asked_for(sessions: RefreshChains) -> None:
    answer = asked(sessions, sessions.begin()["access_token"])
    assert (answer.status, answer.headers["content-type"]) == (200, TYPE)


def test_section_5_header_and_claims(sessions: RefreshChains) -> None:
    header, claims = parts(asked(sessions, sessions.begin()["access_token"]))
    assert header["typ"] == "token-introspection+jwt"
    assert header["alg"] == "ES256"
    assert (claims["iss"], claims["aud"], claims["iat"]) == (ISSUER, "rs-api", NOW)
    assert not {"sub", "exp"}.intersection(claims)
    inner = claims["token_introspection"]
    assert isinstance(inner, dict)
    assert (inner["active"], inner["aud"], inner["sub"], inner["scope"]) == (True, API, "alice", "read write")


def test_section_5_an_inactive_token_and_nothing_more(sessions: RefreshChains) -> None:
    _, claims = parts(asked(sessions, "unknown"))
    assert claims["token_introspection"] == {"active": False}


def test_section_5_the_signature_is_of_a_published_key(sessions: RefreshChains) -> None:
    answer = asked(sessions, sessions.begin()["access_token"])
    keys = jwt.PyJWKSet.from_dict(sessions.get("/jwks").json())
    key = keys[jwt.get_unverified_header(answer.body)["kid"]]
    claims = jwt.decode(answer.body, key, ["ES256"], audience="rs-api", options={"verify_iat": False})
    assert claims["token_introspection"]["active"] is True


def test_section_8_1_it_is_no_access_token(sessions: RefreshChains) -> None:
    text = asked(sessions, sessions.begin()["access_token"]).body.decode()
    assert not sessions.active(text)
    assert sessions.revoke(text).status == 200


def test_section_7_the_metadata(sessions: RefreshChains) -> None:
    document = sessions.get("/.well-known/oauth-authorization-server").json()
    assert document["introspection_signing_alg_values_supported"] == ["ES256"]


def test_rfc_7662_section_2_1_the_caller_is_authenticated(sessions: RefreshChains) -> None:
    answer = sessions.post("/introspect", {"token": "x"}, {"Accept": TYPE})
    assert (answer.status, answer.headers["content-type"]) == (401, "application/json")


@pytest.mark.parametrize(
    ("accept", "signed"),
    [
        (TYPE, True),
        (TYPE.title(), True),
        (f"application/json, {TYPE};q=0.5", True),
        (f"{TYPE} ; q=1.000", True),
        (f"{TYPE};q=0", False),
        (f"{TYPE}; q=0.00", False),
        (f"{TYPE}-foo", False),
        (f"x-{TYPE}", False),
        ("application/*, */*", False),
        ("", False),
        (",;,", False),
    ],
)
def test_section_4_accept_names_it(sessions: RefreshChains, accept: str, signed: bool) -> None:
    answer = sessions.post(
        "/introspect", {"token": sessions.begin()["access_token"]}, {"Accept": accept, **basic("rs-api", "secret")}
    )
    assert (answer.headers["content-type"] == TYPE) is signed
