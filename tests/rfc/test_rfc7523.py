"""RFC 7523 sections 2.2, 3 and 5: JWTs that authenticate clients (with RFC 7521 section 4.2)."""

from typing import Any

import jwt
import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey

from tests.worlds.client_proofs import (
    ASSERTION_TYPE,
    EC_KEY,
    HEAD,
    HMAC_SECRET,
    JWKS,
    OTHER_KEY,
    assertion,
    claims,
    client_toml,
    form,
)
from tests.worlds.http import Answer
from tests.worlds.identifiers import ISSUER
from tests.worlds.satchel import NOW, Satchel

TOML = (
    HEAD
    + client_toml("s6BhdRkqt3", "private_key_jwt", jwks=JWKS)
    + client_toml("mac", "client_secret_jwt", hmac_secret=HMAC_SECRET)
)
CLIENT = "s6BhdRkqt3"


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("rfc7523"), TOML)


def ask(satchel: Satchel, **changes: Any) -> Answer:
    return satchel.post("/token", form(assertion(CLIENT, **changes)))


def is_invalid_client(answer: Answer) -> bool:
    """Section 3.2: the error is invalid_client."""
    return (answer.status, answer.json()["error"]) == (401, "invalid_client")


def test_section_2_2_the_parameters(satchel: Satchel) -> None:
    request = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion(CLIENT),
    }
    answer = satchel.post("/token", request)
    assert answer.status == 200
    token = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert (token["sub"], token["client_id"]) == (CLIENT, CLIENT)


def test_section_2_2_exactly_one_jwt(satchel: Satchel) -> None:
    assert is_invalid_client(satchel.post("/token", form(f"{assertion(CLIENT)} {assertion(CLIENT)}")))
    twice = [("client_assertion", assertion(CLIENT)), ("client_assertion", assertion(CLIENT))]
    body = "&".join(f"{name}={value}" for name, value in twice)
    body += f"&grant_type=client_credentials&client_assertion_type={ASSERTION_TYPE}"
    answer = satchel.post("/token", body)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_rfc7521_section_4_2_client_id_is_optional_and_the_same(satchel: Satchel) -> None:
    assert satchel.post("/token", form(assertion(CLIENT), client_id=CLIENT)).status == 200
    assert is_invalid_client(satchel.post("/token", form(assertion(CLIENT), client_id="mac")))


def test_rfc7521_section_4_2_1_no_second_mechanism(satchel: Satchel) -> None:
    answer = satchel.post("/token", form(assertion(CLIENT), client_id=CLIENT, client_secret="x"))
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp"])
def test_section_3_1_to_4_claims_that_must_be_there(satchel: Satchel, name: str) -> None:
    assert ask(satchel).status == 200
    assert is_invalid_client(ask(satchel, **{name: None}))


def test_section_3_2b_the_subject_is_the_client_id(satchel: Satchel) -> None:
    assert is_invalid_client(ask(satchel, sub="somebody"))
    assert is_invalid_client(ask(satchel, iss="somebody"))


def test_section_3_3_the_audience_identifies_this_server(satchel: Satchel) -> None:
    """With the later rule that it is the issuer alone, as a string or in an array of one."""
    assert ask(satchel, aud=ISSUER).status == 200
    assert ask(satchel, aud=[ISSUER]).status == 200
    assert is_invalid_client(ask(satchel, aud=ISSUER + "/token"))
    assert is_invalid_client(ask(satchel, aud=[ISSUER, ISSUER + "/token"]))


def test_section_3_4_expired_and_too_far_in_the_future(satchel: Satchel) -> None:
    assert is_invalid_client(ask(satchel, exp=NOW - 61, iat=None))
    assert is_invalid_client(ask(satchel, exp=NOW + 86_400, iat=None))


def test_section_3_5_and_6_nbf_and_iat(satchel: Satchel) -> None:
    assert ask(satchel, nbf=NOW - 10, iat=NOW - 10).status == 200
    assert is_invalid_client(ask(satchel, nbf=NOW + 100))
    assert is_invalid_client(ask(satchel, iat=NOW - 400))


def test_section_3_7_a_jti_is_used_once(satchel: Satchel) -> None:
    assert ask(satchel, jti="one").status == 200
    assert is_invalid_client(ask(satchel, jti="one"))


def test_section_3_8_other_claims(satchel: Satchel) -> None:
    assert ask(satchel, other={"claim": [1, 2]}).status == 200


def test_section_3_9_it_is_signed_or_has_a_mac(satchel: Satchel) -> None:
    assert satchel.post("/token", form(assertion("mac", "HS256"))).status == 200
    assert is_invalid_client(satchel.post("/token", form(jwt.encode(claims(CLIENT), "", "none"))))
    assert is_invalid_client(ask(satchel, key=OTHER_KEY))
    head, body, _ = assertion(CLIENT).split(".")
    assert is_invalid_client(satchel.post("/token", form(f"{head}.{body}.")))


def test_section_5_rs256_and_es256(satchel: Satchel) -> None:
    for alg in ("RS256", "ES256"):
        assert ask(satchel, alg=alg).status == 200


def test_an_assertion_of_another_library(satchel: Satchel) -> None:
    key = ECKey.import_key(EC_KEY)
    token = joserfc_jwt.encode({"alg": "ES256", "kid": "ec", "typ": "JWT"}, claims(CLIENT), key)
    assert satchel.post("/token", form(token)).status == 200


def test_metadata_lists_the_algorithms(satchel: Satchel) -> None:
    """RFC 8414 section 2: required where these methods are listed, and without none."""
    document = satchel.get("/.well-known/oauth-authorization-server").json()
    for endpoint in ("token", "introspection", "revocation"):
        assert {"private_key_jwt", "client_secret_jwt"} <= set(document[f"{endpoint}_endpoint_auth_methods_supported"])
        algs = document[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
        assert {"RS256", "ES256", "HS256"} <= set(algs)
        assert "none" not in algs
