"""private_key_jwt and client_secret_jwt (RFC 7523, RFC 7521, OpenID Connect Core section 9)."""

import time
from typing import Any
from unittest import mock

import jwt
import pytest
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey, OctKey

from satchel_jose.algorithms import ALGORITHMS
from service.bags import foreign_keys
from service.client_auth.client_secret_jwt import ALGS as MACS
from service.client_auth.private_key_jwt import ALGS as SIGNATURES
from tests.worlds.client_proofs import (
    ASSERTION_TYPE,
    EC_KEY,
    HEAD,
    HMAC_SECRET,
    JWKS,
    OTHER_KEY,
    assertion,
    client_toml,
    form,
    public_jwk,
)
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import ISSUER
from tests.worlds.satchel import NOW, Satchel

TOML = (
    HEAD
    + client_toml("signer", "private_key_jwt", jwks=JWKS)
    + client_toml("one key", "private_key_jwt", jwks={"keys": [public_jwk(EC_KEY)]})
    + client_toml("two alike", "private_key_jwt", jwks={"keys": [public_jwk(EC_KEY), public_jwk(OTHER_KEY)]})
    + client_toml("mac", "client_secret_jwt", hmac_secret=HMAC_SECRET)
    + client_toml("short mac", "client_secret_jwt", hmac_secret="x" * 32)
    + client_toml("both", "private_key_jwt", "client_secret_jwt", jwks=JWKS, hmac_secret=HMAC_SECRET)
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("assertions"), TOML)


@pytest.fixture
def satchel(served: Satchel) -> Satchel:
    served.now = float(NOW)
    served.lines.clear()
    return served


def accepted(satchel: Satchel, token: str, **more: str) -> tuple[str, str]:
    answer = satchel.post("/token", form(token, **more))
    assert answer.status == 200, (answer.body, satchel.log[-1])
    return satchel.log[-1]["client_id"], satchel.log[-1]["auth_method"]


PROVED = {"wrong aud", "no jti", "no exp", "expired", "not yet valid", "lives too long", "issued in the future"}


def refused(satchel: Satchel, token: str, **more: str) -> str:
    """The log's reason for a refusal that looks like every other."""
    answer = satchel.post("/token", form(token, **more))
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client"), answer.body
    reason = str(satchel.log[-1]["reason"])
    uniform = "client authentication failed; check client_id, credentials and authentication method"
    told = reason in PROVED  # whoever has signed with the client's key may know which rule failed
    assert answer.json()["error_description"].startswith("the assertion needs" if told else uniform)
    return reason


@pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256", "EdDSA"])
@pytest.mark.parametrize("client_id", ["signer", "both"])
def test_an_assertion_signed_with_a_registered_key(satchel: Satchel, client_id: str, alg: str) -> None:
    assert accepted(satchel, assertion(client_id, alg)) == (client_id, "private_key_jwt")


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("client_id", ["mac", "both"])
def test_an_assertion_made_with_the_secret(satchel: Satchel, client_id: str, alg: str) -> None:
    assert accepted(satchel, assertion(client_id, alg)) == (client_id, "client_secret_jwt")


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_secret_is_as_long_as_the_hash(satchel: Satchel) -> None:
    assert accepted(satchel, assertion("short mac", "HS256", key="x" * 32))
    assert refused(satchel, assertion("short mac", "HS512", key="x" * 32)).endswith("not exactly one key that fits alg")


def test_the_same_client_id_in_the_body(satchel: Satchel) -> None:
    assert accepted(satchel, assertion("signer"), client_id="signer")


def test_one_key_needs_no_kid_and_several_are_not_tried_in_turn(satchel: Satchel) -> None:
    assert accepted(satchel, assertion("one key", header={"kid": None}))
    assert accepted(satchel, assertion("signer", "RS256", header={"kid": None}))
    assert "not exactly one" in refused(satchel, assertion("two alike", header={"kid": None}))


@pytest.mark.parametrize("typ", ["JWT", "client-authentication+jwt", ""])
def test_types(satchel: Satchel, typ: str) -> None:
    token = assertion("signer", header={"typ": typ})
    assert jwt.get_unverified_header(token).get("typ", "") == typ
    assert accepted(satchel, token)


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": None},
        {"iat": NOW - 240},
        {"nbf": NOW},
        {"exp": NOW + 300},
        {"exp": NOW + 0.5},
        {"iat": None, "exp": NOW + 300},
        {"jti": "é" * 100},
        {"more": {"a": 1}},
    ],
)
def test_claims_that_will_do(satchel: Satchel, changes: dict[str, Any]) -> None:
    assert accepted(satchel, assertion("signer", **changes))


REFUSALS = [
    ({"iss": "mac"}, "wrong iss"),
    ({"iss": None}, "wrong iss"),
    ({"sub": None}, "unknown client"),
    ({"sub": "nobody"}, "unknown client"),
    ({"sub": "mac"}, "private_key_jwt is not registered"),
    ({"sub": "one key"}, "unknown kid"),
    ({"iss": "SIGNER"}, "wrong iss"),
    ({"aud": None}, "wrong aud"),
    ({"jti": None}, "no jti"),
    ({"jti": ""}, "no jti"),
    ({"nbf": NOW + 61}, "not yet valid"),
    ({"iat": NOW + 61}, "not yet valid"),
    ({"exp": NOW - 60}, "expired"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSALS)
def test_claims_that_will_not(satchel: Satchel, changes: dict[str, Any], reason: str) -> None:
    if "jti" in changes or not {"iss", "sub"} & changes.keys():
        assert accepted(satchel, assertion("signer"))  # what the change is made to is good
    assert refused(satchel, assertion("signer", **changes)) == reason


@pytest.mark.parametrize("aud", ["issuer", ["issuer"]])
def test_the_issuer_alone_in_an_array(satchel: Satchel, aud: Any) -> None:
    issuer = satchel.config.issuer
    assert accepted(satchel, assertion("signer", aud=[issuer] if isinstance(aud, list) else issuer))


def test_another_key(satchel: Satchel) -> None:
    assert refused(satchel, assertion("signer", key=OTHER_KEY)) == "bad signature"
    assert refused(satchel, assertion("mac", "HS256", key=HMAC_SECRET + "x")) == "bad signature"


def test_an_unknown_kid(satchel: Satchel) -> None:
    assert refused(satchel, assertion("signer", header={"kid": "other"})) == "unknown kid"
    assert refused(satchel, assertion("mac", "HS256", header={"kid": "x"})) == "unknown kid"


@pytest.mark.parametrize("typ", ["jwt", "at+jwt", "dpop+jwt", "application/jwt"])
def test_other_types(satchel: Satchel, typ: str) -> None:
    assert refused(satchel, assertion("signer", header={"typ": typ})) == "wrong typ"


@pytest.mark.parametrize(
    "kind", ["", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", ASSERTION_TYPE.upper()]
)
def test_another_assertion_type(satchel: Satchel, kind: str) -> None:
    assert refused(satchel, assertion("signer"), client_assertion_type=kind) == "wrong client_assertion_type"


def test_half_an_assertion(satchel: Satchel) -> None:
    assert refused(satchel, "") == "token has not three segments"


@pytest.mark.parametrize("token", ["x", "a.b.c", "e30.e30.", "." * 100, "é.é.é", "x" * 9000])
def test_junk(satchel: Satchel, token: str) -> None:
    refused(satchel, token)


def test_another_client_id_in_the_body(satchel: Satchel) -> None:
    assert refused(satchel, assertion("signer"), client_id="both") == "client_id differs from sub"


def test_the_method_must_be_registered(satchel: Satchel) -> None:
    assert refused(satchel, assertion("mac")) == "private_key_jwt is not registered"
    assert refused(satchel, assertion("signer", "HS256")) == "client_secret_jwt is not registered"


@pytest.mark.parametrize("header", [basic("signer", "s"), {"Authorization": "Bearer x"}])
def test_with_another_mechanism(satchel: Satchel, header: dict[str, str]) -> None:
    answer = satchel.post("/token", form(assertion("signer")), header)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_with_a_client_secret(satchel: Satchel) -> None:
    answer = satchel.post("/token", form(assertion("signer"), client_id="signer", client_secret="s"))
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
def test_at_the_other_endpoints_an_assertion_is_spent_too(satchel: Satchel, path: str) -> None:
    request = {"token": "x", **form(assertion("signer"))}
    assert satchel.post(path, request).status == 200
    assert satchel.post(path, request).status == 401
    assert satchel.log[-1]["reason"] == "assertion replayed"
    assert satchel.post("/token", request).status == 401


def test_keys_are_read_once(satchel: Satchel) -> None:
    with mock.patch.object(foreign_keys, "read_verification_key", side_effect=AssertionError):
        assert accepted(satchel, assertion("signer"))


def test_each_algorithm_is_of_one_method() -> None:
    assert ALGORITHMS.keys() == SIGNATURES | MACS
    assert SIGNATURES.isdisjoint(MACS)
    assert {"HS256", "HS384", "HS512"} == MACS


def by_authlib(satchel: Satchel, client_id: str, secret: Any, method: Any) -> Answer:
    """The answer to a request that Authlib's client has prepared."""
    auth = ClientAuth(client_id, secret, method)
    _, _, body = auth.prepare("POST", ISSUER + "/token", {}, "grant_type=client_credentials")
    return satchel.post("/token", body)


def test_authlib_signs(satchel: Satchel) -> None:
    key = ECKey.import_key(EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    method = PrivateKeyJWT(ISSUER, {"exp": NOW + 300, "iat": NOW}, {"kid": "ec"}, "ES256")
    assert by_authlib(satchel, "signer", key, method).status == 200
    assert satchel.log[-1]["auth_method"] == "private_key_jwt"


def test_authlib_makes_macs(satchel: Satchel) -> None:
    method = ClientSecretJWT(ISSUER, {"exp": NOW + 300, "iat": NOW})
    assert by_authlib(satchel, "mac", OctKey.import_key(HMAC_SECRET), method).status == 200
    assert satchel.log[-1]["auth_method"] == "client_secret_jwt"


def test_authlib_lets_its_own_live_for_an_hour(satchel: Satchel) -> None:
    satchel.now = time.time()
    assert by_authlib(satchel, "mac", OctKey.import_key(HMAC_SECRET), ClientSecretJWT(ISSUER)).status == 401
    assert satchel.log[-1]["reason"] == "lives too long"
