"""Each row of the table: against the libraries that know it, and against malformed signatures and keys."""

import hashlib
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import import_key
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from satchel_jose import mldsa as module
from satchel_jose.algorithms import ALGORITHMS, KINDS, MACS, PROOFS, ROWS, SIGNATURES
from satchel_jose.base64url import decode, encode
from satchel_jose.jwk import write_public_jwk

DATA = b"header.payload"
SIZES = {
    "ES256": 64,
    "ES384": 96,
    "ES512": 132,
    "EdDSA": 64,
    "Ed25519": 64,
    "RS256": 256,
    "RS384": 256,
    "RS512": 256,
    "PS256": 256,
    "PS384": 256,
    "PS512": 256,
    "ML-DSA-44": 2420,
    "ML-DSA-65": 3309,
    "ML-DSA-87": 4627,
    "HS256": 32,
    "HS384": 48,
    "HS512": 64,
}
PRIVATE: dict[str, Any] = {alg: row.generate() for alg, row in ALGORITHMS.items()}
ORDERS = {"ES256": ec.SECP256R1.group_order, "ES384": ec.SECP384R1.group_order, "ES512": ec.SECP521R1.group_order}
UNKNOWN = {jwt: {"Ed25519", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}, jws: {"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}}
"""What two of the libraries do not know; jwcrypto knows every row."""

each_alg = pytest.mark.parametrize("alg", ALGORITHMS)
each_signature = pytest.mark.parametrize("alg", SIGNATURES)
each_quiet = pytest.mark.filterwarnings("ignore:.*EdDSA:joserfc.errors.SecurityWarning")


def public(alg: str) -> Any:
    return PRIVATE[alg] if alg in MACS else PRIVATE[alg].public_key()


def sign(alg: str, data: bytes = DATA) -> bytes:
    return ALGORITHMS[alg].sign(PRIVATE[alg], data)


def verify(alg: str, signature: bytes, data: bytes = DATA) -> bool:
    return ALGORITHMS[alg].verify(public(alg), signature, data)


def private_jwk(alg: str) -> dict[str, Any]:
    if alg in MACS:
        return {"kty": "oct", "k": encode(PRIVATE[alg]).decode()}
    exported: dict[str, Any] = JWK.from_pyca(PRIVATE[alg]).export(as_dict=True)
    return exported


def public_jwk(alg: str) -> dict[str, Any]:
    return private_jwk(alg) if alg in MACS else write_public_jwk(public(alg))


def test_the_table_holds_exactly_the_promised_algorithms() -> None:
    assert list(ALGORITHMS) == list(SIZES)
    assert {*SIGNATURES} == {*ALGORITHMS} - {"HS256", "HS384", "HS512"}
    assert {*MACS} == {"HS256", "HS384", "HS512"}
    assert {*PROOFS} == {*SIGNATURES} - {"ML-DSA-65", "ML-DSA-87"}


def test_names_and_kinds_are_told_apart() -> None:
    assert len(ALGORITHMS) == sum(len(row.names) for row in ROWS)
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert len({tuple(kind.fixed.items()) for kind in KINDS}) == len(KINDS)
    assert not any({*kind.public, *kind.fixed} & {*kind.private} for kind in KINDS)


@each_alg
def test_signatures_verify_and_have_the_exact_size(alg: str) -> None:
    for number in range(20):
        data = DATA + bytes([number])
        signature = sign(alg, data)
        assert len(signature) == SIZES[alg]
        assert verify(alg, signature, data)
        assert not verify(alg, signature, data + b".")


@pytest.mark.slow
@pytest.mark.parametrize("alg", ORDERS)
def test_short_r_and_s_are_padded(alg: str) -> None:
    # One signature in 128 has an r or s with a leading zero octet (P-521: half), so 3,000 meet every length of either.
    half, seen = SIZES[alg] // 2, set()
    for number in range(3_000):
        data = number.to_bytes(4)
        signature = sign(alg, data)
        assert len(signature) == 2 * half
        if signature[0] == 0 or signature[half] == 0:
            seen.add((signature[0] == 0, signature[half] == 0))
            assert verify(alg, signature, data)
    assert {(True, False), (False, True)} <= seen


@each_quiet
@each_alg
def test_other_libraries_read_our_signatures(alg: str) -> None:
    head = encode(b'{"alg":"%s"}' % alg.encode()) + b"." + encode(b'{"sub":"x"}')
    token = (head + b"." + encode(sign(alg, head))).decode()
    JWS.from_jose_token(token).verify(JWK(**public_jwk(alg)), alg)
    if alg not in UNKNOWN[jwt]:
        key = PRIVATE[alg] if alg in MACS else jwt.PyJWK(public_jwk(alg), alg).key
        assert jwt.decode(token, key, algorithms=[alg]) == {"sub": "x"}
    if alg not in UNKNOWN[jws]:
        assert jws.deserialize_compact(token, import_key(public_jwk(alg)), algorithms=[alg]).payload == b'{"sub":"x"}'


@each_quiet
@each_alg
def test_we_verify_signatures_of_other_libraries(alg: str) -> None:
    made = JWS(DATA)
    made.add_signature(JWK(**private_jwk(alg)), alg, {"alg": alg})
    tokens = [made.serialize(compact=True)]
    if alg not in UNKNOWN[jwt]:
        tokens.append(jwt.encode({}, PRIVATE[alg], alg))
    if alg not in UNKNOWN[jws]:
        tokens.append(jws.serialize_compact({"alg": alg}, DATA, import_key(private_jwk(alg)), algorithms=[alg]))
    for token in tokens:
        signed, _, signature = token.encode().rpartition(b".")
        assert verify(alg, decode(signature), signed)


@each_alg
def test_other_sizes_are_refused(alg: str) -> None:
    signature = sign(alg)
    half = len(signature) // 2
    wide_r, wide_s = b"\0" + signature, signature[:half] + b"\0" + signature[half:]
    for wrong in (b"", signature[:-1], signature + b"\0", wide_r, wide_s, b"\0" + wide_s, signature * 2, b"0" * 10**6):
        assert not verify(alg, wrong)


@pytest.mark.parametrize("alg", ORDERS)
def test_r_and_s_out_of_range_are_refused(alg: str) -> None:
    order, size = ORDERS[alg], SIZES[alg] // 2
    assert order is not None
    signature = sign(alg)
    r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
    top = 256**size - 1
    for pair in ((0, 0), (0, s), (r, 0), (order, s), (r, order), (order, order), (top, top), (top, s), (r, top)):
        assert not verify(alg, b"".join(number.to_bytes(size) for number in pair))


@settings(max_examples=60, deadline=None)
@given(alg=st.sampled_from(list(ALGORITHMS)), garbage=st.binary(max_size=300))
def test_verify_never_raises(alg: str, garbage: bytes) -> None:
    assert not verify(alg, garbage)
    assert not verify(alg, garbage[: SIZES[alg]].ljust(SIZES[alg], b"\x17"))


@each_signature
def test_another_kind_of_key_is_told(alg: str) -> None:
    kind = ALGORITHMS[alg].kind
    for other in SIGNATURES:
        assert (kind.dump_public(public(other)) is None) is (ALGORITHMS[other].kind is not kind)
    assert kind.dump_public(object()) is None


@each_signature
def test_the_public_key_survives_its_members(alg: str) -> None:
    kind = ALGORITHMS[alg].kind
    octets = kind.dump_public(public(alg))
    assert octets is not None
    assert not kind.unfit(octets)
    assert ALGORITHMS[alg].verify(kind.load_public(octets), sign(alg), DATA)


@each_signature
def test_a_coordinate_of_another_length_is_unfit(alg: str) -> None:
    kind = ALGORITHMS[alg].kind
    octets = kind.dump_public(public(alg))
    assert octets is not None
    for name in kind.public:
        assert kind.unfit({**octets, name: octets[name][:-1]})
        assert kind.unfit({**octets, name: b"\0" + octets[name]})


@pytest.mark.parametrize(("bits", "exponent"), [(1024, 65537), (2047, 65537), (2048, 3)])
def test_a_weak_rsa_key_is_unfit(bits: int, exponent: int) -> None:
    key = rsa.generate_private_key(exponent, bits).public_key()  # type: ignore[arg-type]
    octets = ALGORITHMS["RS256"].kind.dump_public(key)
    assert octets is not None
    assert ALGORITHMS["RS256"].kind.unfit(octets)


@pytest.mark.parametrize("alg", MACS)
def test_a_secret_is_as_long_as_the_hash(alg: str) -> None:
    unfit = ALGORITHMS[alg].kind.unfit
    assert not unfit({"k": bytes(SIZES[alg])})
    assert f"{alg} needs {SIZES[alg]} bytes" in unfit({"k": bytes(SIZES[alg] - 1)})


def test_the_hash_of_at_hash() -> None:
    shake = hashlib.shake_256(b"x").digest(64)  # what oauth4webapi takes for ML-DSA too
    expected = {"256": hashlib.sha256(b"x").digest(), "384": hashlib.sha384(b"x").digest()}
    for alg, row in ALGORITHMS.items():
        usual = shake if alg.startswith("ML") else expected.get(alg[-3:], hashlib.sha512(b"x").digest())
        assert row.digest(b"x") == (hashlib.sha512(b"x").digest() if alg == "Ed25519" else usual)


@each_signature
def test_which_proofs_fit_into_a_header_field(alg: str) -> None:
    claims = {"jti": "j" * 43, "htm": "OPTIONS", "htu": "https://api.example.com/" + "p" * 200, "iat": 10**10}
    claims |= {"ath": "a" * 43, "nonce": "n" * 64}
    header = f'{{"typ":"dpop+jwt","alg":"{alg}","jwk":{public_jwk(alg)}}}'
    size = sum(len(urlsafe_b64encode(part)) + 1 for part in (header.encode(), str(claims).encode(), sign(alg)))
    assert (size <= 8190) is ALGORITHMS[alg].in_proofs


def test_without_ml_dsa_there_are_no_such_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        @staticmethod
        def from_seed_bytes(seed: bytes) -> object:
            raise UnsupportedAlgorithm("not in this OpenSSL")

    assert module.supported()
    monkeypatch.setattr(mldsa, "MLDSA44PrivateKey", Missing)
    assert not module.supported()
