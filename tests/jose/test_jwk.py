"""Keys that are read: one reader of public keys, which agrees with jwcrypto, and one of private keys."""

import contextlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto.jwk import JWK

from satchel_jose.algorithms import ALGORITHMS, KINDS, SIGNATURES
from satchel_jose.base64url import encode
from satchel_jose.errors import Rejected
from satchel_jose.jwk import read_private_jwk, read_public_jwk, read_verification_key, thumbprint, write_public_jwk

PRIVATE = {row.kind.name: row.generate() for row in ALGORITHMS.values() if not row.symmetric}
PRIVATE["X25519"] = x25519.X25519PrivateKey.generate()
OTHER = {row.kind.name: row.generate() for row in ALGORITHMS.values() if not row.symmetric}
OTHER["X25519"] = x25519.X25519PrivateKey.generate()


def export(keys: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: JWK.from_pyca(key).export(as_dict=True) for name, key in keys.items()}


EXPORTED, OTHERS = export(PRIVATE), export(OTHER)

each_kind = pytest.mark.parametrize("name", PRIVATE)


def exported(name: str, **members: Any) -> dict[str, Any]:
    return {**JWK(**EXPORTED[name]).export_public(as_dict=True), **members}


@each_kind
def test_a_public_key_is_what_jwcrypto_says(name: str) -> None:
    key = read_public_jwk(exported(name, kid="k", use="sig"))
    assert key is not None
    assert (key.kind, key.kid, key.use, key.key_ops) == (name, "k", "sig", None)
    assert key.thumbprint == JWK(**exported(name)).thumbprint()
    assert write_public_jwk(key.handle) == {
        member: value for member, value in exported(name).items() if member not in ("kid", "use")
    }


@each_kind
def test_a_private_key_is_what_jwcrypto_says(name: str) -> None:
    private = read_private_jwk(EXPORTED[name])
    assert JWK.from_pyca(private).export(as_dict=True) == EXPORTED[name]


def test_the_kinds_are_all_here() -> None:
    assert {kind.name for kind in KINDS} == PRIVATE.keys()


def test_an_rsa_key_may_leave_out_its_primes() -> None:
    n, e, d = (EXPORTED["RSA"][member] for member in ("n", "e", "d"))
    private = read_private_jwk({"kty": "RSA", "n": n, "e": e, "d": d})
    assert JWK.from_pyca(private).thumbprint() == JWK(**EXPORTED["RSA"]).thumbprint()
    with pytest.raises(Rejected):
        read_private_jwk({name: value for name, value in EXPORTED["RSA"].items() if name != "qi"})


@each_kind
def test_unsound_private_keys_are_refused_without_a_word_of_them(name: str) -> None:
    kind = next(kind for kind in KINDS if kind.name == name)
    whole = EXPORTED[name]
    unsound = [{**whole, member: OTHERS[name][member]} for member in (*kind.public, kind.private[0]) if member != "e"]
    unsound += [{**whole, kind.private[0]: value} for value in ("", "AAAA", "*", whole[kind.private[0]] + "=", 7)]
    unsound += [{member: value for member, value in whole.items() if member != kind.private[0]}, {}, {"kty": "EC"}]
    for jwk in unsound:
        with pytest.raises(Rejected) as refused:
            read_private_jwk(jwk)
        assert not any(str(value) in refused.value.reason for value in whole.values() if len(value) > 10)
        assert refused.value.__context__ is None or refused.value.__suppress_context__


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
def test_no_public_key_has_a_secret_member(member: str) -> None:
    for name in PRIVATE:
        with pytest.raises(Rejected) as refused:
            read_public_jwk(exported(name, **{member: "AAAA"}))
        assert refused.value.reason == "private or symmetric key material"


def test_an_rsa_modulus_is_bounded_before_it_is_loaded() -> None:
    for bits in (1024, 2047, 8193):
        n = (1 << bits - 1 | 1).to_bytes((bits + 7) // 8)
        with pytest.raises(Rejected) as refused:
            read_public_jwk({"kty": "RSA", "n": encode(n).decode(), "e": "AQAB"})
        assert refused.value.reason == "RSA modulus is too short, too long or even"


@pytest.mark.parametrize("crv", ["secp256k1", "Ed448", "X448", "", "p-256"])
@pytest.mark.parametrize("kty", ["EC", "OKP", "AKP", "oct", "ML", ""])
def test_unknown_kinds_are_no_fault(kty: str, crv: str) -> None:
    assert read_public_jwk({"kty": kty, "crv": crv, "alg": "unheard of", "x": "?", "y": "?", "pub": "?"}) is None


@pytest.mark.parametrize("alg", SIGNATURES)
def test_a_key_fits_what_its_kind_and_alg_say(alg: str) -> None:
    row = ALGORITHMS[alg]
    key = read_verification_key(exported(row.kind.name, **({} if "alg" in row.kind.fixed else {"alg": alg})))
    assert key is not None
    assert [name for name in ALGORITHMS if key.fits(name)] == list(row.names)
    assert not key.fits("none")


def test_what_is_for_another_use_or_algorithm_verifies_nothing() -> None:
    for members in ({"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "ECDH-ES"}, {"alg": "HS256", "use": "enc"}):
        assert read_verification_key(exported("P-256", **members)) is None
    assert read_verification_key(exported("X25519")) is None
    for alg in ("ES384", "RS256", "HS256", "ML-DSA-44"):
        with pytest.raises(Rejected) as refused:
            read_verification_key(exported("P-256", alg=alg))
        assert refused.value.reason == "the key's alg contradicts its kind"


def test_a_key_that_is_unfit_or_unknown_is_not_written() -> None:
    weak = rsa.generate_private_key(65537, 1024).public_key()
    for key in (weak, ec.generate_private_key(ec.SECP256K1()).public_key(), object(), PRIVATE["P-256"]):
        with pytest.raises(Rejected):
            write_public_jwk(key)


def test_the_thumbprint_of_rfc_8037_a_3() -> None:
    members = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert thumbprint(members) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(PRIVATE)), st.data())
def test_one_changed_member_raises_nothing_but_rejected(name: str, data: st.DataObject) -> None:
    for whole, read in ((exported(name), read_verification_key), (EXPORTED[name], read_private_jwk)):
        member = data.draw(st.sampled_from([*whole, "use", "alg", "key_ops", "kid", "crv"]))
        with contextlib.suppress(Rejected):
            read({**whole, member: data.draw(_JSON)})  # type: ignore[operator]
    with contextlib.suppress(Rejected):
        read_public_jwk(json.loads(json.dumps(data.draw(_JSON))))
