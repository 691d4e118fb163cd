"""Keys: the four instants, wrapping, and what they never show."""

import os

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from hypothesis import given
from hypothesis import strategies as st

from keys import InvalidWrap, SealingKey, SigningKey

INSTANTS = {"created": 100, "activates": 200, "retires": 300, "expires": 400}
SEALING = SealingKey.generate(alg="A256KW", kid="bag-1", **INSTANTS)
SIGNING = SigningKey.generate(alg="ES256", kid="sig-1", **INSTANTS)


@pytest.mark.parametrize("key", [SEALING, SIGNING])
@pytest.mark.parametrize(
    ("now", "state"),
    [
        (0, "standby"),
        (199.9, "standby"),
        (200, "active"),
        (299, "active"),
        (300, "retired"),
        (399, "retired"),
        (400, "expired"),
    ],
)
def test_state_is_a_function_of_the_clock(key: SealingKey | SigningKey, now: float, state: str) -> None:
    assert key.state(now) == state


@pytest.mark.parametrize("name", INSTANTS)
@pytest.mark.parametrize("value", [-1, 253_402_300_800])
def test_instants_out_of_order_are_refused(name: str, value: int) -> None:
    with pytest.raises(ValueError, match="does not keep"):
        SealingKey.generate(alg="A256KW", kid="k", **{**INSTANTS, name: value})


@pytest.mark.parametrize("kid", ["", "../up", "a/b", ".hidden", "-flag", "a b", "a\n", "a\0b", "é", "k" * 65])
def test_kids_that_are_no_file_names_are_refused(kid: str) -> None:
    with pytest.raises(ValueError, match="kid"):
        SigningKey.generate(alg="ES256", kid=kid, **INSTANTS)


def test_a_key_is_frozen_and_compared_by_value() -> None:
    with pytest.raises(AttributeError):
        SIGNING.retires = 0  # type: ignore[misc]
    same = SigningKey.from_jwk(SIGNING.secret_jwk(), alg="ES256", kid="sig-1", **INSTANTS)
    assert same == SIGNING
    assert hash(same) == hash(SIGNING)


def test_material_of_another_alg_is_refused() -> None:
    with pytest.raises(ValueError, match="not for its alg"):
        SigningKey(alg="ES384", kid="k", pair=SIGNING.pair, **INSTANTS)


def test_wrap_is_rfc_3394() -> None:
    cek = os.urandom(32)
    wrapped = SEALING.wrap(cek)
    assert len(wrapped) == 40
    assert aes_key_unwrap(SEALING.secret, wrapped) == cek
    assert SEALING.unwrap(wrapped) == cek


def test_wrap_gives_the_vector_of_rfc_3394_section_4_6() -> None:
    key = SealingKey(alg="A256KW", kid="v", secret=bytes(range(32)), **INSTANTS)
    data = bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
    wrapped = "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"
    assert key.wrap(data).hex().upper() == wrapped


@given(garbage=st.binary(max_size=80))
def test_what_was_not_wrapped_raises_the_one_exception(garbage: bytes) -> None:
    with pytest.raises(InvalidWrap):
        SEALING.unwrap(garbage)


def test_every_flipped_bit_is_refused() -> None:
    wrapped = bytearray(SEALING.wrap(b"k" * 32))
    for bit in range(len(wrapped) * 8):
        wrapped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidWrap):
            SEALING.unwrap(bytes(wrapped))
        wrapped[bit // 8] ^= 1 << bit % 8


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct"},
        {"kty": "oct", "k": "A" * 22},
        {"kty": "oct", "k": "A" * 42 + "B"},
        {"kty": "EC", "k": "A" * 43},
    ],
)
def test_unsound_sealing_keys_are_refused(jwk: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="holds no key"):
        SealingKey.from_jwk(jwk, alg="A256KW", kid="k", **INSTANTS)


def test_a_sealing_key_has_nothing_public() -> None:
    assert not hasattr(SEALING, "public_jwk")
    with pytest.raises(ValueError, match="holds no key"):
        SealingKey.generate(alg="A128KW", kid="k", **INSTANTS)


@pytest.mark.parametrize("key", [SEALING, SIGNING])
def test_repr_shows_kid_alg_and_instants_alone(key: SealingKey | SigningKey) -> None:
    assert (
        repr(key)
        == str(key)
        == (f"<{type(key).__name__} {key.kid} {key.alg} created=100 activates=200 retires=300 expires=400>")
    )
