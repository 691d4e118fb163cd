"""Every token that is issued is read by other people's libraries, with what we publish and nothing else (RFC 9068)."""

import json
import time

import jwt as pyjwt
import msgspec
import pytest
from joserfc import jwe as joserfc_jwe
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jwk import KeySet as JoserfcKeySet
from jwcrypto import jwe, jwk, jws

from service.bags.kinds import AccessToken
from tests.worlds.bags import BAGS, NOW
from tests.worlds.identifiers import ISSUER
from tests.worlds.token_formats import ALGS, NAMES, RECIPIENTS, TokenFormats, recipient_keys, resource

each_alg = pytest.mark.parametrize("alg", ALGS)
each_recipient = pytest.mark.parametrize("name", RECIPIENTS)
quiet_joserfc = pytest.mark.filterwarnings("ignore:.*EdDSA:joserfc.errors.SecurityWarning")
quiet_authlib = pytest.mark.filterwarnings("ignore::authlib.deprecate.AuthlibDeprecationWarning")
KEY_MANAGEMENT = {"p256": "ECDH-ES+A256KW", "x25519": "ECDH-ES+A256KW", "rsa": "RSA-OAEP-256"}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A service whose clock is right: other libraries look at their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.worlds.satchel.NOW", int(time.time()))
        return TokenFormats(tmp_path_factory.mktemp("every"))


def document(service):
    answer = service.get("/jwks")
    assert answer.status == 200
    return answer.json()


def entry_for(service, token):
    kid = pyjwt.get_unverified_header(token)["kid"]
    (entry,) = [entry for entry in document(service)["keys"] if entry["kid"] == kid]
    return entry


def check(claims, audience):
    """RFC 9068 section 2.2."""
    assert claims["iss"] == ISSUER
    assert claims["aud"] == audience
    assert claims["sub"] == claims["client_id"] == "app"
    assert claims["scope"] == "read write"
    assert type(claims["iat"]) is type(claims["exp"]) is int
    assert claims["exp"] - claims["iat"] == 600
    assert len(claims["jti"]) == 22
    assert claims.keys() == {"iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti"}


# --- signed tokens, from /jwks


@each_alg
def test_the_header_is_that_of_rfc_9068(service, alg):
    token = service.issue(alg.lower())
    header = pyjwt.get_unverified_header(token)
    assert header == {"alg": alg, "kid": header["kid"], "typ": "at+jwt"}
    assert entry_for(service, token)["alg"] == alg
    assert entry_for(service, token)["use"] == "sig"


@each_alg
def test_pyjwt(service, alg):
    token = service.issue(alg.lower())
    keys = pyjwt.PyJWKSet.from_dict(document(service))
    key = keys[pyjwt.get_unverified_header(token)["kid"]]
    audience = resource(alg.lower())
    required = {"require": ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"], "strict_aud": True}
    check(pyjwt.decode(token, key, [alg], audience=audience, issuer=ISSUER, options=required), audience)
    with pytest.raises(pyjwt.InvalidAudienceError):
        pyjwt.decode(token, key, [alg], audience="https://other.example.com")
    with pytest.raises(pyjwt.InvalidSignatureError):
        pyjwt.decode(token[:-20] + "A" * 20, key, [alg], audience=audience)


@each_alg
def test_pyjwts_client_that_fetches_the_keys(service, alg, monkeypatch):
    client = pyjwt.PyJWKClient("https://as.example.com/jwks", cache_keys=True)
    monkeypatch.setattr(client, "fetch_data", lambda: document(service))
    token = service.issue(alg.lower())
    audience = resource(alg.lower())
    check(pyjwt.decode(token, client.get_signing_key_from_jwt(token), [alg], audience=audience), audience)


@quiet_joserfc
@each_alg
def test_joserfc(service, alg):
    keys = JoserfcKeySet.import_key_set(document(service))
    token = service.issue(alg.lower())
    decoded = joserfc_jwt.decode(token, keys, algorithms=[alg])
    assert decoded.header["typ"] == "at+jwt"
    joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": resource(alg.lower())},
        exp={"essential": True},
    ).validate(decoded.claims)
    check(decoded.claims, resource(alg.lower()))


@quiet_authlib
@each_alg
def test_authlib(service, alg):
    from authlib.jose import JsonWebKey, JsonWebToken

    keys = JsonWebKey.import_key_set(document(service))
    options = {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": resource(alg.lower())}}
    claims = JsonWebToken([alg]).decode(service.issue(alg.lower()), keys, claims_options=options)
    claims.validate()
    check(dict(claims), resource(alg.lower()))


@quiet_authlib
def test_authlibs_validator_of_rfc_9068(service):
    from authlib.oauth2.rfc9068 import JWTBearerTokenValidator

    class Validator(JWTBearerTokenValidator):
        def get_jwks(self):
            return document(service)

    validator = Validator(issuer=ISSUER, resource_server=resource("es256"))
    token = validator.authenticate_token(service.issue("es256"))
    validator.validate_token(token, ["read"], None)
    check(dict(token), resource("es256"))


@each_alg
def test_jwcrypto(service, alg):
    keys = jwk.JWKSet.from_json(json.dumps(document(service)))
    token = service.issue(alg.lower())
    parsed = jws.JWS()
    parsed.allowed_algs = [alg]
    parsed.deserialize(token, keys.get_key(pyjwt.get_unverified_header(token)["kid"]))
    check(json.loads(parsed.payload), resource(alg.lower()))


@each_alg
def test_no_other_published_key_verifies_it(service, alg):
    token = service.issue(alg.lower())
    kid = pyjwt.get_unverified_header(token)["kid"]
    others = [key for key in pyjwt.PyJWKSet.from_dict(document(service)).keys if key.key_id != kid]
    assert len(others) >= len(ALGS)
    for key in others:
        with pytest.raises(pyjwt.InvalidTokenError):
            pyjwt.decode(token, key, audience=resource(alg.lower()))


def test_the_document_holds_public_keys_only_and_each_once(service):
    entries = document(service)["keys"]
    assert len({entry["kid"] for entry in entries}) == len(entries) == 2 * len(ALGS)
    for entry in entries:
        assert entry.keys() <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"}
        assert jwk.JWK(**entry).has_public
        assert not jwk.JWK(**entry).has_private


# --- tokens sealed to a resource server, with its private key


def opened_by_jwcrypto(token, name):
    parsed = jwe.JWE(algs=[KEY_MANAGEMENT[name], "A256GCM"])
    parsed.deserialize(token, recipient_keys()[name])
    assert parsed.jose_header["cty"] == "JWT"
    assert parsed.jose_header["kid"] == f"rs-{name}"
    return parsed.payload.decode()


def opened_by_joserfc(token, name):
    kind = {"p256": ECKey, "x25519": OKPKey, "rsa": RSAKey}[name]
    registry = joserfc_jwe.JWERegistry(algorithms=[KEY_MANAGEMENT[name], "A256GCM"], strict_check_header=False)
    key = kind.import_key(recipient_keys()[name].export(as_dict=True))
    return joserfc_jwe.decrypt_compact(token, key, registry=registry).plaintext.decode()


@each_recipient
@pytest.mark.parametrize("opened", [opened_by_jwcrypto, opened_by_joserfc])
def test_the_resource_server_opens_what_is_sealed_to_it(service, name, opened):
    token = service.issue(name)
    assert token.count(".") == 4
    inner = opened(token, name)
    key = pyjwt.PyJWK(entry_for(service, inner))
    check(pyjwt.decode(inner, key, ["ES256"], audience=resource(name), issuer=ISSUER), resource(name))
    assert pyjwt.get_unverified_header(inner)["typ"] == "at+jwt"


@each_recipient
def test_no_other_resource_server_opens_it(service, name):
    token = service.issue(name)
    for other, key in recipient_keys().items():
        if other != name:
            parsed = jwe.JWE(algs=["ECDH-ES+A256KW", "RSA-OAEP-256", "A256GCM"])
            with pytest.raises(jwe.InvalidJWEData):
                parsed.deserialize(token, key)


# --- bags, with the raw key


def bag_jwk(service, token):
    head = json.loads(jwe.base64url_decode(token.partition(".")[0]))
    assert head["alg"] == "A256KW"
    assert head["enc"] == "A256GCM"
    return service.ring.by_kid(head["kid"]).secret_jwk()


def payload_by_jwcrypto(service, token):
    parsed = jwe.JWE(algs=["A256KW", "A256GCM"])
    parsed.deserialize(token, jwk.JWK(**bag_jwk(service, token)))
    return parsed.payload


def payload_by_joserfc(service, token):
    key = OctKey.import_key(bag_jwk(service, token))
    return joserfc_jwe.decrypt_compact(token, key, algorithms=["A256KW", "A256GCM"]).plaintext


@pytest.mark.parametrize("opened", [payload_by_jwcrypto, payload_by_joserfc])
def test_a_sealed_access_token_opens_with_the_bag_key(service, opened):
    token = service.issue("bag")
    bag = msgspec.msgpack.decode(opened(service, token), type=AccessToken)
    assert bag.claims == {"tenant": "t-1"}
    assert (bag.iss, bag.aud, bag.scope) == (ISSUER, (resource("bag"),), "read write")
    assert service.shown(token).json()["jti"] == bag.jti


@pytest.mark.parametrize("bag", BAGS, ids=lambda bag: type(bag).__name__)
@pytest.mark.parametrize("opened", [payload_by_jwcrypto, payload_by_joserfc])
def test_every_kind_of_bag_opens_with_the_bag_key(service, opened, bag):
    token = service.snapshot.seal(bag, NOW)
    assert msgspec.msgpack.decode(opened(service, token), type=type(bag)) == bag


# --- and our own reading agrees


@pytest.mark.parametrize("name", NAMES)
def test_introspection_says_what_the_libraries_say(service, name):
    answer = service.shown(service.issue(name)).json()
    assert answer.pop("active") is True
    assert answer.pop("token_type") == "Bearer"
    assert answer.pop("tenant", None) == ("t-1" if name == "bag" else None)
    check(answer, resource(name))
