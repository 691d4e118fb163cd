"""Each signing algorithm against its neighbours' libraries and against malformed signatures and keys."""

import json
from base64 import urlsafe_b64encode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import import_key
from jwcrypto.jwk import JWK

from keys import ALGORITHMS, KeyPair, NoPrivateKey, SigningKey
from keys.algorithms import RSA_BITS

DATA = b"header.payload"
WIDTHS = {"ES256": 64, "ES384": 96, "EdDSA": 64, "RS256": RSA_BITS // 8, "PS256": RSA_BITS // 8}
PAIRS = {alg: KeyPair.generate(alg) for alg in ALGORITHMS}
OTHER = KeyPair.generate("ES256")
ORDERS = {"ES256": ec.SECP256R1.group_order, "ES384": ec.SECP384R1.group_order}

each_alg = pytest.mark.parametrize("alg", ALGORITHMS)


def signing_key(alg: str) -> SigningKey:
    return SigningKey(kid="k-1", alg=alg, created=0, activates=0, retires=10, expires=20, pair=PAIRS[alg])


def b64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def test_the_table_holds_exactly_the_promised_algorithms() -> None:
    assert set(ALGORITHMS) == set(WIDTHS)


@each_alg
def test_signatures_verify_and_have_the_exact_width(alg: str) -> None:
    for number in range(40):
        data = DATA + bytes([number])
        signature = PAIRS[alg].sign(data)
        assert len(signature) == WIDTHS[alg]
        assert PAIRS[alg].verify(signature, data)
        assert not PAIRS[alg].verify(signature, data + b".")


def test_short_r_and_s_are_padded() -> None:
    # One signature in 128 has an r or s with a leading zero octet, so 3,000 meet every length of either.
    pair = PAIRS["ES256"]
    seen = set()
    for number in range(3_000):
        signature = pair.sign(number.to_bytes(4, "big"))
        assert len(signature) == 64
        if signature[0] == 0 or signature[32] == 0:
            seen.add((signature[0] == 0, signature[32] == 0))
            assert pair.verify(signature, number.to_bytes(4, "big"))
    assert {(True, False), (False, True)} <= seen


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")
@each_alg
def test_other_libraries_read_our_signatures(alg: str) -> None:
    key = signing_key(alg)
    public = key.public_jwk()
    assert {"kid": "k-1", "alg": alg, "use": "sig"}.items() <= public.items()
    head = b64(json.dumps({"alg": alg, "kid": "k-1"}).encode()) + b"." + b64(json.dumps({"sub": "x"}).encode())
    token = (head + b"." + b64(key.sign(head))).decode()
    assert jwt.decode(token, jwt.PyJWK(public).key, algorithms=[alg]) == {"sub": "x"}
    assert jws.deserialize_compact(token, import_key(public), algorithms=[alg]).payload == b'{"sub": "x"}'


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")
@each_alg
def test_we_verify_signatures_of_other_libraries(alg: str) -> None:
    private = import_key(PAIRS[alg].jwk)
    token = jws.serialize_compact({"alg": alg}, DATA, private, algorithms=[alg])
    signed, _, signature = token.encode().rpartition(b".")
    assert PAIRS[alg].verify(jwt.utils.base64url_decode(signature), signed)


@each_alg
def test_other_lengths_are_refused(alg: str) -> None:
    signature = PAIRS[alg].sign(DATA)
    half = len(signature) // 2
    wide_r, wide_s = b"\0" + signature, signature[:half] + b"\0" + signature[half:]
    for wrong in (b"", signature[:-1], signature + b"\0", wide_r, wide_s, b"\0" + wide_s, signature * 2, b"0" * 10**6):
        assert not PAIRS[alg].verify(wrong, DATA)


@pytest.mark.parametrize("alg", ORDERS)
def test_r_and_s_out_of_range_are_refused(alg: str) -> None:
    order, width = ORDERS[alg], WIDTHS[alg] // 2
    assert order is not None
    signature = PAIRS[alg].sign(DATA)
    r, s = int.from_bytes(signature[:width], "big"), int.from_bytes(signature[width:], "big")
    top = 256**width - 1
    for pair in ((0, 0), (0, s), (r, 0), (order, s), (r, order), (order, order), (top, top), (top, s), (r, top)):
        assert not PAIRS[alg].verify(b"".join(number.to_bytes(width, "big") for number in pair), DATA)


@settings(max_examples=60, deadline=None)
@given(alg=st.sampled_from(list(ALGORITHMS)), garbage=st.binary(max_size=300))
def test_verify_never_raises(alg: str, garbage: bytes) -> None:
    assert not PAIRS[alg].verify(garbage, DATA)
    assert not PAIRS[alg].verify(garbage[: WIDTHS[alg]].ljust(WIDTHS[alg], b"\x17"), DATA)


@each_alg
def test_the_private_half_can_go(alg: str) -> None:
    pair = PAIRS[alg]
    public = pair.public()
    assert pair.has_private
    assert not public.has_private
    assert public.jwk == pair.public_jwk()
    assert "d" not in public.jwk
    assert public.verify(pair.sign(DATA), DATA)
    with pytest.raises(NoPrivateKey):
        public.sign(DATA)


@each_alg
def test_jwk_round_trip(alg: str) -> None:
    again = KeyPair.from_jwk(alg, PAIRS[alg].jwk)
    assert again == PAIRS[alg]
    assert hash(again) == hash(PAIRS[alg])
    assert again != PAIRS[alg].public()
    assert PAIRS[alg].verify(again.sign(DATA), DATA)


@each_alg
def test_repr_shows_no_material(alg: str) -> None:
    shown = repr(PAIRS[alg]) + str(PAIRS[alg]) + repr(signing_key(alg))
    assert not any(value in shown for value in PAIRS[alg].jwk.values() if len(value) > 10)


def weak_rsa() -> dict[str, str]:
    jwk: dict[str, str] = JWK.from_pyca(rsa.generate_private_key(65537, 1024)).export(as_dict=True)
    del jwk["kid"]
    return jwk


@pytest.mark.parametrize(
    ("alg", "jwk"),
    [
        pytest.param("none", PAIRS["ES256"].jwk, id="unknown alg"),
        pytest.param("HS256", {"kty": "oct", "k": "A" * 43}, id="HMAC"),
        pytest.param("ES256", {"kty": "oct", "k": "A" * 43}, id="symmetric key"),
        pytest.param("ES256", PAIRS["ES384"].jwk, id="other curve"),
        pytest.param("EdDSA", PAIRS["ES256"].jwk, id="other type"),
        pytest.param("RS256", weak_rsa(), id="RSA-1024"),
        pytest.param("PS256", weak_rsa(), id="RSA-1024, PSS"),
        pytest.param("RS256", {**PAIRS["RS256"].jwk, "e": "AQ"}, id="e is 1"),
        pytest.param("RS256", {**PAIRS["RS256"].public_jwk(), "e": "AQ"}, id="public, e is 1"),
        pytest.param("RS256", {**PAIRS["RS256"].jwk, "p": PAIRS["RS256"].jwk["q"]}, id="primes that are not"),
        pytest.param("RS256", {**PAIRS["RS256"].jwk, "n": PAIRS["PS256"].jwk["n"]}, id="modulus of another"),
        pytest.param("ES256", {**PAIRS["ES256"].jwk, "d": OTHER.jwk["d"]}, id="private half of another"),
        pytest.param(
            "EdDSA", {**PAIRS["EdDSA"].jwk, "x": KeyPair.generate("EdDSA").jwk["x"]}, id="public half of another"
        ),
        pytest.param("ES256", {**PAIRS["ES256"].jwk, "y": OTHER.jwk["y"]}, id="off the curve"),
        pytest.param("ES256", {**PAIRS["ES256"].jwk, "k": "AAAA"}, id="member left over"),
        pytest.param("ES256", {**PAIRS["ES256"].jwk, "x": PAIRS["ES256"].jwk["x"] + "="}, id="not canonical"),
        pytest.param("ES256", {**PAIRS["ES256"].jwk, "x": "*"}, id="not base64url"),
        pytest.param("ES256", {"kty": "EC"}, id="members missing"),
        pytest.param("ES256", {}, id="empty"),
    ],
)
def test_unsound_keys_are_refused_without_a_word_of_them(alg: str, jwk: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"unknown alg|no sound key|too weak") as refused:
        KeyPair.from_jwk(alg, jwk)
    assert not any(value in str(refused.value) for value in jwk.values() if len(value) > 8)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
