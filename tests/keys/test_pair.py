"""A key pair for each signature algorithm: it survives its JWK, shows nothing, and takes no unsound key."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwcrypto.jwk import JWK

from keys import KeyPair, NoPrivateKey, SigningKey
from satchel_jose.algorithms import ALGORITHMS, SIGNATURES

DATA = b"header.payload"
PAIRS = {alg: KeyPair.generate(alg) for alg in SIGNATURES}
OTHER = KeyPair.generate("ES256")

each_alg = pytest.mark.parametrize("alg", SIGNATURES)


def signing_key(alg: str) -> SigningKey:
    return SigningKey(kid="k-1", alg=alg, created=0, activates=0, retires=10, expires=20, pair=PAIRS[alg])


@each_alg
def test_it_verifies_what_it_has_signed(alg: str) -> None:
    signature = PAIRS[alg].sign(DATA)
    assert PAIRS[alg].verify(signature, DATA)
    assert not PAIRS[alg].verify(signature, DATA + b".")
    assert not PAIRS[alg].verify(b"", DATA)


@each_alg
def test_the_private_half_can_go(alg: str) -> None:
    pair = PAIRS[alg]
    public = pair.public()
    assert pair.has_private
    assert not public.has_private
    assert public.jwk == pair.public_jwk()
    assert public.jwk.keys().isdisjoint(ALGORITHMS[alg].kind.private)
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
        pytest.param("ML-DSA-44", PAIRS["ML-DSA-65"].jwk, id="other parameter set"),
        pytest.param("ML-DSA-44", {**PAIRS["ML-DSA-44"].jwk, "priv": "AAAA"}, id="seed too short"),
        pytest.param("ML-DSA-44", {**PAIRS["ML-DSA-44"].jwk, "d": "AAAA"}, id="secret of another kind"),
        pytest.param(
            "ML-DSA-44",
            {**PAIRS["ML-DSA-44"].jwk, "pub": KeyPair.generate("ML-DSA-44").jwk["pub"]},
            id="not of the seed",
        ),
        pytest.param("RS256", {**PAIRS["RS256"].public_jwk(), "n": "AQAB"}, id="public, RSA-17"),
    ],
)
def test_unsound_keys_are_refused_without_a_word_of_them(alg: str, jwk: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"unknown alg|no valid key|too weak") as refused:
        KeyPair.from_jwk(alg, jwk)
    assert not any(value in str(refused.value) for value in jwk.values() if len(value) > 10)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
