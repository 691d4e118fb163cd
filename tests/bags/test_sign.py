"""Signing, and the claims of an access token (RFC 9068): what goes in comes out, and nothing else is taken."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto import jwk, jws

from keys import NoPrivateKey, SigningKey
from satchel_jose.algorithms import SIGNATURES as ALGORITHMS
from satchel_jose.base64url import decode, encode
from service.bags.errors import BadBag
from service.bags.kinds import AccessToken
from service.bags.sign import RESERVED_CLAIMS, access_claims, access_token, sign, verify
from tests.worlds.bags import access_token as sample
from tests.worlds.bags import instants, other_spellings, pair, signing_key

PAYLOAD = b'{"iss":"https://as.example.com"}'


def header(alg):
    return encode(b'{"alg":"%s","kid":"k","typ":"at+jwt"}' % alg.encode())


def refused(alg, rest, head=None):
    with pytest.raises(BadBag) as caught:
        verify(head or header(alg), signing_key(alg), rest)
    assert str(caught.value) == "rejected"
    return caught.value.reason


def rest_of(alg, payload=PAYLOAD):
    head, _, rest = sign(header(alg), signing_key(alg), payload).partition(b".")
    assert head == header(alg)
    return rest


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_what_was_signed_verifies_here_and_in_jwcrypto(alg):
    text = sign(header(alg), signing_key(alg), PAYLOAD)
    assert verify(header(alg), signing_key(alg), text.partition(b".")[2]) == PAYLOAD
    parsed = jws.JWS()
    parsed.deserialize(text.decode(), jwk.JWK(**signing_key(alg).public_jwk()))
    assert parsed.payload == PAYLOAD


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_signature_holds_for_its_own_bytes_only(alg):
    payload, signature = rest_of(alg).split(b".")
    assert refused(alg, rest_of(alg), head=encode(b"{}")) == "not authentic"
    assert refused(alg, encode(PAYLOAD + b" ") + b"." + signature) == "not authentic"
    raw = decode(signature)
    for at in range(0, len(raw), 7):
        changed = bytearray(raw)
        changed[at] ^= 1
        assert refused(alg, payload + b"." + encode(bytes(changed))) == "not authentic"
    for other in (b"", raw[:-1], raw + b"\0", b"\0" + raw, raw * 2, bytes(len(raw)), b"\xff" * len(raw)):
        assert refused(alg, payload + b"." + encode(other)) == "not authentic"


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_there_are_two_segments_after_the_header_each_with_one_spelling(alg):
    rest = rest_of(alg)
    payload, signature = rest.decode().split(".")
    for wrong in (b"", payload.encode(), rest + b".", rest + b".x", b"." * 100_000):
        assert refused(alg, wrong) == "segment count"
    for spelling in (*other_spellings(signature), signature + "=", signature + "\n"):
        assert refused(alg, f"{payload}.{spelling}".encode()) in ("not canonical base64url", "not base64url")
    for spelling in (*other_spellings(payload), payload + "="):
        assert refused(alg, f"{spelling}.{signature}".encode()) == "not authentic"


def test_an_authentic_payload_of_another_spelling_is_refused():
    signing_input = header("ES256") + b"." + encode(PAYLOAD) + b"="
    signature = encode(signing_key("ES256").sign(signing_input))
    assert refused("ES256", encode(PAYLOAD) + b"=." + signature) == "not base64url"


def test_a_key_without_its_private_half_verifies_and_does_not_sign():
    rest = rest_of("ES256")
    public = SigningKey(alg="ES256", kid="k", pair=pair("ES256").public(), **instants())
    assert verify(header("ES256"), public, rest) == PAYLOAD
    with pytest.raises(NoPrivateKey):
        sign(header("ES256"), public, PAYLOAD)


# --- the claims


def test_the_claims_of_rfc_9068():
    assert json.loads(access_claims(sample())) == {
        "iss": "https://as.example.com",
        "sub": "123456789",
        "aud": "https://api.example.com",
        "client_id": "123456789",
        "exp": 1_800_000_600,
        "iat": 1_800_000_000,
        "jti": "5BcDUOF6tO4hqwgD0MgNUw",
        "scope": "read write",
    }


def test_every_claim_that_can_be_there():
    full = sample(
        aud=("https://a.example.com", "https://b.example.com"),
        auth_time=7,
        acr="loa2",
        amr=("pwd", "otp"),
        cnf={"jkt": "x"},
        act={"sub": "admin", "act": {"sub": "root"}},
        authorization_details=[{"type": "account", "actions": ["read"]}],
        claims={"tenant": "t-1", "groups": ["a", "b"], "limit": 1.5, "on": True, "off": None},
    )
    claims = json.loads(access_claims(full))
    assert claims["aud"] == ["https://a.example.com", "https://b.example.com"]
    assert claims["amr"] == ["pwd", "otp"]
    assert claims["act"] == {"sub": "admin", "act": {"sub": "root"}}
    assert claims["tenant"] == "t-1"
    assert "claims" not in claims
    assert access_token(access_claims(full)) == full


@pytest.mark.parametrize("claims", [{}, {"tenant": "t-1"}])
def test_what_the_service_says_wins_over_the_operators_claims(claims):
    forged = dict.fromkeys(("iss", "sub", "aud", "client_id", "exp", "iat", "jti", "scope"), "forged")
    assert access_token(access_claims(sample(claims={**forged, **claims}))) == sample(claims=claims)


NO_CLAIMS = [
    b"",
    b"[]",
    b"1",
    b"null",
    b'"x"',
    b"{}",
    b"{",
    b"\xff",
    b'{"iss":"\xff"}',
    b'{"exp":1e400}',
    b'{"exp":NaN}',
]
NOT_JSON = [b"[" * 4000, b'{"a":' * 4000, b"\xef\xbb\xbf{}", "{}".encode("utf-16")]


@pytest.mark.parametrize("payload", NO_CLAIMS + NOT_JSON)
def test_what_is_authentic_but_no_access_token(payload):
    with pytest.raises(BadBag) as caught:
        access_token(payload)
    assert caught.value.reason == "claims"


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "client_id", "exp", "iat", "jti"])
def test_every_claim_that_rfc_9068_requires_is_required(name):
    claims = json.loads(access_claims(sample()))
    del claims[name]
    with pytest.raises(BadBag):
        access_token(json.dumps(claims).encode())


@pytest.mark.parametrize("value", ["1e400", "1e23", "2.5", "true", "NaN", '"9"', "{}", "[]", "null"])
@pytest.mark.parametrize("name", ["exp", "iat"])
def test_instants_are_whole_numbers(name, value):
    claims = json.loads(access_claims(sample()))
    text = json.dumps({**claims, name: "HERE"}).replace('"HERE"', value)
    with pytest.raises(BadBag):
        access_token(text.encode())


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SECONDS = st.integers(0, 2**53)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=3)
TOKENS = st.builds(
    AccessToken,
    iss=TEXT,
    jti=TEXT,
    iat=SECONDS,
    exp=SECONDS,
    sub=TEXT,
    client_id=TEXT,
    aud=st.lists(TEXT, max_size=3).map(tuple),
    scope=TEXT,
    auth_time=SECONDS,
    acr=TEXT,
    amr=st.lists(TEXT, max_size=3).map(tuple),
    cnf=st.dictionaries(TEXT, TEXT, max_size=2),
    act=st.none() | OBJECTS,
    authorization_details=st.lists(OBJECTS, max_size=2),
    claims=OBJECTS.filter(RESERVED_CLAIMS.isdisjoint),
)


@settings(deadline=None)
@given(TOKENS)
def test_the_claims_say_all_that_the_token_says(token):
    assert access_token(access_claims(token)) == token


def test_the_family_travels_in_the_jti():
    assert access_token(access_claims(sample(jti="family.id"))).family == "family"
    assert access_token(access_claims(sample(jti="id"))).family == ""
