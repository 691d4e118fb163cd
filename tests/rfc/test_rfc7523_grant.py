"""RFC 7523 section 3, for assertions as authorization grants: the ten rules in their order, and section 3.1."""

from typing import Any

import pytest

from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import API, ISSUER
from tests.worlds.issuers import IDP, JWT_BEARER, PARTNER, RESOURCES, client, issuer, read
from tests.worlds.satchel import NOW, Satchel

TOML = "\n".join([RESOURCES, client("app", JWT_BEARER, scopes=["read"]), issuer(IDP, "jwt_bearer")])


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("rfc7523"), TOML)


def ask(satchel: Satchel, assertion: str, **form: Any) -> Answer:
    return satchel.post("/token", {"grant_type": JWT_BEARER, "assertion": assertion, **form}, basic("app", "s"))


def refused(satchel: Satchel, **claims: Any) -> bool:
    answer = ask(satchel, IDP.sign(**claims))
    return answer.status == 400 and answer.json()["error"] == "invalid_grant"


def test_2_1_the_assertion_is_one_jwt(satchel: Satchel) -> None:
    answer = ask(satchel, "")
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")
    assert ask(satchel, IDP.sign() + " " + IDP.sign()).json()["error"] == "invalid_grant"


def test_2_1_scope_may_be_asked_for(satchel: Satchel) -> None:
    token = read(satchel, ask(satchel, IDP.sign(), scope="read").json()["access_token"])
    assert (token.scope, token.aud) == ("read", (API,))


def test_3_1_iss_compared_as_a_string(satchel: Satchel) -> None:
    assert refused(satchel, iss=None)
    for iss in (IDP.iss.upper(), IDP.iss + "/", IDP.iss + ":443", " " + IDP.iss):
        assert refused(satchel, iss=iss)


def test_3_2_sub(satchel: Satchel) -> None:
    assert refused(satchel, sub=None)
    assert read(satchel, ask(satchel, IDP.sign(sub="x")).json()["access_token"]).sub == "https://idp.example#x"


def test_3_3_aud(satchel: Satchel) -> None:
    assert refused(satchel, aud=None)
    assert refused(satchel, aud=f"{ISSUER}/other")
    assert not refused(satchel, aud=ISSUER)


def test_3_4_exp(satchel: Satchel) -> None:
    assert refused(satchel, exp=None)
    assert refused(satchel, exp=NOW - 60)
    assert refused(satchel, exp=NOW + 7200)


def test_3_5_nbf(satchel: Satchel) -> None:
    assert refused(satchel, nbf=NOW + 3600)
    assert not refused(satchel, nbf=NOW)


def test_3_6_iat(satchel: Satchel) -> None:
    assert refused(satchel, iat=NOW - 7200)
    assert not refused(satchel, iat=None)


def test_3_7_jti_is_good_once(satchel: Satchel) -> None:
    assert not refused(satchel, jti="rule 7")
    assert refused(satchel, jti="rule 7")


def test_3_8_other_claims_do_no_harm(satchel: Satchel) -> None:
    token = read(satchel, ask(satchel, IDP.sign(scope="admin", role="root", client_id="x")).json()["access_token"])
    assert (token.scope, token.client_id, token.claims) == ("read", "app", {})


def test_3_9_and_3_10_signature(satchel: Satchel) -> None:
    assert refused(satchel, headers={"kid": "other"})
    forged = PARTNER.sign(iss=IDP.iss)
    assert ask(satchel, forged).json()["error"] == "invalid_grant"


def test_3_1_the_error_is_invalid_grant(satchel: Satchel) -> None:
    answer = ask(satchel, "not.a.jwt")
    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")
