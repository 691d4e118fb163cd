"""RFC 9068: the profile of JWT access tokens, read with PyJWT."""

from typing import Any

import jwt
import pytest
from jwcrypto.jwe import JWE

from tests.worlds.introspection import CLIENT_CREDENTIALS, M2M, TOML, VAULT_KEY, identifier
from tests.worlds.satchel import NOW, Satchel

ISSUER = "https://as.example.com"


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("rfc9068"), TOML)


def issue(satchel: Satchel, name: str, **form: str) -> str:
    answer = satchel.post("/token", {**CLIENT_CREDENTIALS, "resource": identifier(name), **form}, M2M)
    assert answer.status == 200
    return str(answer.json()["access_token"])


def verified(satchel: Satchel, token: str, audience: str) -> dict[str, Any]:
    """The claims, verified against /jwks as a resource server does (section 4), the times aside."""
    keys = jwt.PyJWKSet.from_dict(satchel.get("/jwks").json())
    header = jwt.get_unverified_header(token)
    key = keys[header["kid"]]
    assert key.algorithm_name == header["alg"]
    times = {"verify_exp": False, "verify_iat": False}
    return dict(jwt.decode(token, key, algorithms=[header["alg"]], audience=audience, issuer=ISSUER, options=times))


@pytest.mark.parametrize(("name", "alg"), [("jwt", "ES256"), ("eddsa", "EdDSA")])
def test_section_2_1_the_header(satchel: Satchel, name: str, alg: str) -> None:
    header = jwt.get_unverified_header(issue(satchel, name))
    assert header.pop("kid")
    assert header == {"typ": "at+jwt", "alg": alg}


@pytest.mark.parametrize("name", ["jwt", "eddsa"])
def test_section_2_2_the_claims(satchel: Satchel, name: str) -> None:
    claims = verified(satchel, issue(satchel, name), identifier(name))
    assert len(claims.pop("jti")) == 22
    assert claims == {
        "iss": ISSUER,
        "sub": "m2m",
        "aud": identifier(name),
        "client_id": "m2m",
        "iat": NOW,
        "exp": NOW + 600,
        "scope": f"read {name}",
        "tier": "gold",
        "nested": {"list": [1, "two"]},
    }


def test_section_2_2_3_the_scope_is_one_that_was_asked_for(satchel: Satchel) -> None:
    assert verified(satchel, issue(satchel, "jwt", scope="jwt"), identifier("jwt"))["scope"] == "jwt"


def test_section_4_a_token_for_another_audience_does_not_pass(satchel: Satchel) -> None:
    with pytest.raises(jwt.InvalidAudienceError):
        verified(satchel, issue(satchel, "jwt"), identifier("eddsa"))


def test_section_4_an_encrypted_token_holds_a_signed_one(satchel: Satchel) -> None:
    outer = JWE()
    outer.deserialize(issue(satchel, "jwe"), VAULT_KEY)
    assert (outer.jose_header["cty"], outer.jose_header["kid"]) == ("JWT", "vault-1")
    claims = verified(satchel, outer.payload.decode(), identifier("jwe"))
    assert (claims["aud"], claims["scope"]) == (identifier("jwe"), "read jwe")


def test_section_6_a_sealed_token_shows_nothing(satchel: Satchel) -> None:
    token = issue(satchel, "bag")
    header = jwt.utils.base64url_decode(token.partition(".")[0])
    assert b"m2m" not in header
    assert identifier("bag").encode() not in header
    assert "m2m" not in token


def test_a_signed_token_keeps_to_its_size(satchel: Satchel) -> None:
    assert len(issue(satchel, "jwt")) <= 700
