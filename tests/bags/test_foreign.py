"""Other people's JWTs: every algorithm from every maker is read, and nothing else ever raises anything but BadBag."""

import contextlib
import hmac
import json

import jwt as pyjwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from jwcrypto import jwk, jws

from satchel_jose.algorithms import ALGORITHMS
from satchel_jose.base64url import encode
from service.bags.errors import BadBag
from service.bags.foreign import (
    Claims,
    check_audience,
    check_issuer,
    check_times,
    parse,
    verify,
    verify_with_embedded_key,
)
from service.bags.foreign_keys import HmacKey, KeySet, import_jwks
from service.bags.jwk import read_verification_key

TYPES = frozenset({"JWT", None})
ALGS = frozenset(ALGORITHMS)
NOW = 1_700_000_000
CLAIMS = {"iss": "client-1", "sub": "client-1", "aud": "https://as.example.com", "exp": NOW + 60, "jti": "j-1"}

SECRET = b"0123456789abcdef" * 4
PRIVATE = {row.kind.name: row.generate() for row in ALGORITHMS.values() if not row.symmetric}
_RSA = PRIVATE["RSA"]
EVERY_ALG = sorted(ALGORITHMS)


def public_jwk(kind, **members):
    return {**json.loads(jwk.JWK.from_pyca(PRIVATE[kind].public_key()).export_public()), "kid": f"k-{kind}", **members}


KEYS = KeySet([*(read_verification_key(public_jwk(kind)) for kind in PRIVATE), HmacKey(SECRET, "k-oct")])


def _segment(value):
    return encode(json.dumps(value).encode()).decode()


def header(alg):
    return {"alg": alg, "kid": f"k-{ALGORITHMS[alg].kind.name}", "typ": "JWT"}


def signing_key(alg):
    return SECRET if ALGORITHMS[alg].symmetric else PRIVATE[ALGORITHMS[alg].kind.name]


def private_jwk(alg):
    key = signing_key(alg)
    if isinstance(key, bytes):
        return {"kty": "oct", "k": encode(key).decode()}
    return json.loads(jwk.JWK.from_pyca(key).export())


def by_pyjwt(alg, claims):
    if alg == "Ed25519" or alg.startswith("ML-DSA"):  # names of RFC 9864 and RFC 9964, which PyJWT does not know
        return by_jwcrypto(alg, claims)
    return pyjwt.encode(claims, signing_key(alg), alg, headers=header(alg))


def by_jwcrypto(alg, claims):
    token = jws.JWS(json.dumps(claims).encode())
    token.add_signature(jwk.JWK(**private_jwk(alg)), alg, json.dumps(header(alg)))
    return token.serialize(compact=True)


def by_joserfc(alg, claims):
    if alg.startswith("ML-DSA"):
        return by_jwcrypto(alg, claims)
    kinds = {"oct": OctKey, "RSA": RSAKey, "Ed25519": OKPKey}
    key = kinds.get(ALGORITHMS[alg].kind.name, ECKey).import_key(private_jwk(alg))
    return joserfc_jws.serialize_compact(header(alg), json.dumps(claims), key, algorithms=[alg])


MAKERS = [by_pyjwt, by_jwcrypto, by_joserfc]


def read(token, keys=KEYS, algs=ALGS):
    return verify(parse(token, types=TYPES), keys, algs)


def refused(token, **arguments):
    with pytest.raises(BadBag) as caught:
        read(token, **arguments)
    return caught.value.reason


@pytest.mark.filterwarnings("ignore:.*EdDSA:joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("alg", EVERY_ALG)
def test_every_algorithm_of_every_maker(alg, maker):
    token = maker(alg, CLAIMS)
    assert read(token, algs=frozenset({alg})) == CLAIMS
    assert refused(token, algs=ALGS - {alg}) == "alg is not allowed"


@pytest.mark.filterwarnings("ignore::authlib.deprecate.AuthlibDeprecationWarning")
@pytest.mark.parametrize("alg", [alg for alg in EVERY_ALG if alg[:2] in ("HS", "RS", "PS", "ES")])
def test_every_algorithm_of_authlib(alg):
    from authlib.jose import JsonWebSignature

    key = private_jwk(alg)
    token = JsonWebSignature([alg]).serialize_compact(header(alg), json.dumps(CLAIMS).encode(), key)
    assert read(token.decode()) == CLAIMS


def test_the_example_of_rfc_7515_a3():
    key = {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    token = (
        "eyJhbGciOiJFUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )
    claims = read(token, keys=import_jwks({"keys": [key]}))
    assert claims == {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}


def test_unknown_header_members_are_passed_over():
    token = pyjwt.encode(CLAIMS, PRIVATE["P-256"], "ES256", headers={**header("ES256"), "nonce": "n", "x5t": "abc"})
    assert read(token) == CLAIMS


def test_an_allowed_typ_is_exactly_that_text():
    token = pyjwt.encode(CLAIMS, PRIVATE["P-256"], "ES256", headers={"typ": "dpop+jwt"})
    assert parse(token, types=frozenset({"dpop+jwt"})).typ == "dpop+jwt"
    for types in (TYPES, frozenset(), frozenset({"DPoP+JWT"}), frozenset({"application/dpop+jwt"})):
        with pytest.raises(BadBag):
            parse(token, types=types)


def test_repr_shows_neither_claims_nor_signature_nor_secret():
    shown = repr(parse(by_pyjwt("ES256", CLAIMS), types=TYPES)) + repr(HmacKey(SECRET, "s-1"))
    assert "client-1" not in shown
    assert "0123" not in shown
    assert "k-P-256" in shown


# --- which key


def test_without_kid_the_only_fitting_key_is_used_and_never_one_of_two():
    token = pyjwt.encode(CLAIMS, PRIVATE["P-256"], "ES256")
    assert read(token) == CLAIMS
    other = jwk.JWK.generate(kty="EC", crv="P-256").export_public(as_dict=True)
    keys = import_jwks({"keys": [public_jwk("P-256"), other]})
    assert refused(token, keys=keys) == "no kid, and not exactly one key that fits alg"
    assert refused(token, keys=import_jwks({"keys": [public_jwk("RSA")]})).startswith("no kid")


def test_kid_is_exact():
    token = by_pyjwt("ES256", CLAIMS)
    assert refused(token, keys=import_jwks({"keys": [public_jwk("P-256", kid="K-P-256")]})) == "unknown kid"
    assert "k-P-256" in KEYS
    assert "K-P-256" not in KEYS


def test_a_key_with_an_alg_serves_that_alg_only():
    keys = import_jwks({"keys": [public_jwk("RSA", alg="PS256")]})
    assert read(by_pyjwt("PS256", CLAIMS), keys=keys) == CLAIMS
    assert refused(by_pyjwt("RS256", CLAIMS), keys=keys) == "alg does not fit the key"


def test_hmac_needs_a_secret_as_long_as_the_hash():
    for alg, digest, octets in (("HS256", "sha256", 32), ("HS384", "sha384", 48), ("HS512", "sha512", 64)):
        signing_input = f"{_segment({'alg': alg})}.{_segment(CLAIMS)}"
        for secret in (SECRET[:octets], SECRET[: octets - 1]):
            token = f"{signing_input}.{encode(hmac.digest(secret, signing_input.encode(), digest)).decode()}"
            if len(secret) == octets:
                assert read(token, keys=KeySet([HmacKey(secret)])) == CLAIMS
            elif len(secret) >= 32:
                assert refused(token, keys=KeySet([HmacKey(secret)])).startswith("no kid")
                with pytest.raises(BadBag) as caught:
                    KeySet([HmacKey(secret, "k")]).choose("k", alg)
                assert caught.value.reason == "alg does not fit the key"
    with pytest.raises(BadBag):
        HmacKey(SECRET[:31])


# --- JWK Sets


def test_keys_of_the_future_and_for_other_uses_are_passed_over():
    document = {
        "keys": [
            {"kty": "AKP", "alg": "SLH-DSA-SHA2-128s", "pub": "AAAA", "kid": "future"},
            {"kty": "EC", "crv": "secp256k1", "x": "?", "y": "?"},
            {"kty": "OKP", "crv": "Ed448", "x": "?"},
            public_jwk("RSA", use="enc", kid="enc"),
            public_jwk("RSA", alg="RSA-OAEP-256", kid="oaep"),
            public_jwk("RSA", key_ops=["encrypt"], kid="ops"),
            jwk.JWK.generate(kty="OKP", crv="X25519").export_public(as_dict=True),
            public_jwk("P-256", use="sig", key_ops=["verify"], x5c=["ignored"]),
        ]
    }
    keys = import_jwks(json.dumps(document).encode())
    assert len(keys) == 1
    assert read(by_pyjwt("ES256", CLAIMS), keys=keys) == CLAIMS


_POINT = public_jwk("P-256")
_MODULUS = public_jwk("RSA")


def _number(value):
    return encode(value.to_bytes((value.bit_length() + 7) // 8)).decode()


@pytest.mark.parametrize(
    "key",
    [
        None,
        [],
        "key",
        {},
        {"kty": None},
        {"kty": "EC"},
        {"kty": "EC", "crv": ["P-256"]},
        {**_POINT, "x": _POINT["y"], "y": _POINT["x"]},
        {**_POINT, "x": _POINT["x"] + "="},
        {**_POINT, "x": _POINT["x"] + "\n"},
        {**_POINT, "x": _POINT["x"][:-2]},
        {**_POINT, "x": encode(bytes(32)).decode(), "y": encode(bytes(32)).decode()},
        {**_POINT, "x": 1},
        {**_POINT, "x": "é" * 43},
        {**_POINT, "d": "AAAA"},
        {"kty": "oct", "k": "AAAA"},
        {**_POINT, "kid": 1},
        {**_POINT, "kid": ""},
        {**_POINT, "kid": "k" * 257},
        {**_POINT, "kid": "a\0b"},
        {**_POINT, "alg": "RS256"},
        {**_POINT, "alg": {}},
        {**_POINT, "use": []},
        {**_POINT, "key_ops": "verify"},
        {**_POINT, "key_ops": [1]},
        {**_POINT, "key_ops": ["verify", "verify"]},
        {"kty": "OKP", "crv": "Ed25519", "x": encode(bytes(31)).decode()},
        {**_MODULUS, "p": "AAAA"},
        {**_MODULUS, "e": "AQ"},
        {**_MODULUS, "e": "Aw"},
        {**_MODULUS, "e": _number(65538)},
        {**_MODULUS, "e": _number(2**32 + 1)},
        {**_MODULUS, "e": "AAEAAQ"},
        {**_MODULUS, "n": encode(b"\0" + _RSA.public_key().public_numbers().n.to_bytes(256)).decode()},
        {**_MODULUS, "n": _number(_RSA.public_key().public_numbers().n + 1)},
        {**_MODULUS, "n": _number(2**1023 + 1)},
        {**_MODULUS, "n": _number(2**8192 + 1)},
    ],
)
def test_malformed_weak_and_private_keys_are_refused(key):
    with pytest.raises(BadBag):
        import_jwks({"keys": [key]})


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": {}},
        {"keys": None},
        {"keys": [_POINT, _POINT]},
        {"keys": [public_jwk("P-256", kid=f"k{i}") for i in range(65)]},
        b"",
        b"[]",
        b'{"keys":[],"keys":[]}',
        b"\xef\xbb\xbf" + b'{"keys":[]}',
        b" " * (256 * 1024 + 1),
    ],
)
def test_malformed_sets_are_refused(document):
    with pytest.raises(BadBag):
        import_jwks(document)


def test_an_exception_never_carries_the_document():
    with pytest.raises(BadBag) as caught:
        import_jwks(b'{"keys": [private-words')
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert str(caught.value) == "rejected"
    assert "private-words" not in caught.value.reason


# --- keys in the header


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "EdDSA", "RS256", "PS256"])
def test_embedded_key_gives_its_rfc_7638_thumbprint(alg):
    kind = ALGORITHMS[alg].kind.name
    proof = pyjwt.encode({"jti": "p-1"}, PRIVATE[kind], alg, headers={"typ": "dpop+jwt", "jwk": public_jwk(kind)})
    claims, thumbprint = verify_with_embedded_key(
        parse(proof, types=frozenset({"dpop+jwt"}), embedded_key=True), frozenset({alg})
    )
    assert claims == {"jti": "p-1"}
    kinds = {"RSA": RSAKey, "Ed25519": OKPKey}
    assert thumbprint == kinds.get(kind, ECKey).import_key(public_jwk(kind)).thumbprint()


def test_the_thumbprint_of_rfc_7638_3_1():
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
        "kEgU8awapJzKnqDKgw"
    )
    keys = import_jwks({"keys": [{"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}]})
    assert keys.choose("2011-04-29", "RS256").thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


# --- claims


@pytest.mark.parametrize(
    ("claims", "arguments", "reason"),
    [
        ({"exp": NOW + 1}, {}, None),
        ({"exp": NOW - 59}, {}, None),
        ({"exp": NOW - 60}, {}, "expired"),
        ({"exp": NOW - 0.5}, {"skew": 0}, "expired"),
        ({}, {}, "no exp"),
        ({}, {"require_exp": False}, None),
        ({}, {"require_exp": False, "max_life": 300}, "no exp"),
        ({"exp": NOW + 1, "nbf": NOW + 60}, {}, None),
        ({"exp": NOW + 1, "nbf": NOW + 61}, {}, "not yet valid"),
        ({"exp": NOW + 1, "iat": NOW + 61}, {}, "not yet valid"),
        ({"exp": NOW + 360}, {"max_life": 300}, None),
        ({"exp": NOW + 361}, {"max_life": 300}, "lives too long"),
        ({"exp": NOW + 100, "iat": NOW - 201}, {"max_life": 300}, "lives too long"),
        ({"exp": NOW + 300, "iat": NOW}, {"max_life": 300}, None),
        ({"iat": NOW - 120}, {"require_exp": False, "max_age": 60}, None),
        ({"iat": NOW - 121}, {"require_exp": False, "max_age": 60}, "no iat, or too old"),
        ({}, {"require_exp": False, "max_age": 60}, "no iat, or too old"),
        ({"iat": NOW + 61}, {"require_exp": False, "max_age": 60}, "not yet valid"),
    ],
)
def test_times(claims, arguments, reason):
    if reason is None:
        check_times(Claims(claims), NOW, **arguments)
        return
    with pytest.raises(BadBag) as caught:
        check_times(Claims(claims), NOW, **arguments)
    assert caught.value.reason == reason


@pytest.mark.parametrize("aud", [None, "", "https://as.example.com/", "https://as.example.co", ["a"], [], 1])
def test_audience_and_issuer_are_exact(aud):
    claims = Claims({} if aud is None else {"aud": aud, "iss": aud})
    for array in (False, True):
        with pytest.raises(BadBag):
            check_audience(claims, "https://as.example.com", array=array)
    with pytest.raises(BadBag):
        check_issuer(claims, "https://as.example.com")


def test_an_audience_array_must_be_asked_for_and_hold_one():
    us = "https://as.example.com"
    check_issuer(Claims({"iss": us}), us)
    check_audience(Claims({"aud": us}), us)
    check_audience(Claims({"aud": us}), us, array=True)
    check_audience(Claims({"aud": [us]}), us, array=True)
    for aud, array in (([us], False), ([us, us], True), ([us, "https://other.example.com"], True)):
        with pytest.raises(BadBag):
            check_audience(Claims({"aud": aud}), us, array=array)


# --- everything else that bytes can be


_VALID = {alg: by_pyjwt(alg, CLAIMS) for alg in ("ES256", "EdDSA", "HS256")}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(_VALID)), st.data())
def test_no_mutation_of_a_valid_token_verifies(alg, data):
    token = _VALID[alg]
    at = data.draw(st.integers(0, len(token) - 1))
    end = data.draw(st.integers(at, min(len(token), at + 8)))
    middle = data.draw(st.one_of(st.just(""), st.text(max_size=3), st.just(token[at:end] * 2)))
    mutated = token[:at] + middle + token[end:]
    if mutated != token:
        refused(mutated)


def test_no_change_of_any_single_character_verifies():
    token = _VALID["EdDSA"]
    for at, character in enumerate(token):
        for other in ("A" if character != "A" else "B", "=", ".", "", character * 2):
            if other != character:
                refused(token[:at] + other + token[at + 1 :])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
_HEADER = st.fixed_dictionaries(
    {"alg": st.sampled_from(EVERY_ALG) | _JSON},
    optional={"kid": st.sampled_from(["k-RSA", "k-P-256"]) | _JSON, "typ": st.just("JWT") | _JSON, "jwk": _JSON},
)
_CLAIM = st.sampled_from(["exp", "nbf", "iat", "iss", "sub", "aud", "jti", "x"])


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(_HEADER | _JSON, st.dictionaries(_CLAIM, _JSON, max_size=4) | _JSON, st.binary(max_size=80))
def test_no_json_raises_anything_but_badbag(head, claims, signature):
    token = f"{_segment(head)}.{_segment(claims)}.{encode(signature).decode()}"
    refused(token)
    with pytest.raises(BadBag):
        verify_with_embedded_key(parse(token, types=TYPES, embedded_key=True), ALGS)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_no_text_raises_anything_but_badbag(text):
    refused(text)
    refused(f"{text}.{text}.{text}")


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_no_key_document_raises_anything_but_badbag(document):
    with pytest.raises(BadBag):
        import_jwks(document)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(PRIVATE)), st.data())
def test_no_key_with_one_member_changed_raises_anything_but_badbag(kind, data):
    key = public_jwk(kind)
    key[data.draw(st.sampled_from([*key, "use", "alg", "key_ops"]))] = data.draw(_JSON)
    with contextlib.suppress(BadBag):
        import_jwks({"keys": [key]})
