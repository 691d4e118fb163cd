"""Keys of other parties that can be broken, or that anybody can sign with (attack 112)."""

import math

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

from satchel_jose.base64url import encode
from satchel_jose.errors import Rejected
from satchel_jose.jwk import read_public_jwk, write_public_jwk
from satchel_jose.weak_rsa import weakness

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
LOW_Y = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]
LOW_U = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]
SECOND_SPELLINGS = [(P + n).to_bytes(32, "little").hex() for n in (0, 1, 5, 18)]


def okp(crv: str, hexadecimal: str, sign: int = 0) -> dict[str, str]:
    octets = bytearray.fromhex(hexadecimal)
    octets[31] |= sign
    return {"kty": "OKP", "crv": crv, "x": encode(bytes(octets)).decode()}


def rsa_jwk(modulus: int) -> dict[str, str]:
    n = modulus.to_bytes((modulus.bit_length() + 7) // 8)
    return {"kty": "RSA", "n": encode(n).decode(), "e": "AQAB"}


@pytest.mark.parametrize("y", LOW_Y)
def test_the_points_are_of_low_order(y: str) -> None:
    """Eight times such a point is the neutral element: computed here, not copied."""
    value = int.from_bytes(bytes.fromhex(y), "little")
    square = (value * value - 1) * pow(D * value * value + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0
    point = (x, value)
    for _ in range(3):
        (a, b), d = point, D * point[0] * point[0] * point[1] * point[1] % P
        point = (2 * a * b * pow(1 + d, -1, P) % P, (b * b + a * a) * pow(1 - d, -1, P) % P)
    assert point == (0, 1)


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize("y", [*LOW_Y, *SECOND_SPELLINGS])
def test_112_ed25519_keys_that_sign_anything(y: str, sign: int) -> None:
    with pytest.raises(Rejected):
        read_public_jwk(okp("Ed25519", y, sign))


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize("u", [*LOW_U, *SECOND_SPELLINGS])
def test_112_x25519_keys_that_share_one_secret_with_everybody(u: str, sign: int) -> None:
    with pytest.raises(Rejected):
        read_public_jwk(okp("X25519", u, sign))


def roca(bits: int = 2048) -> int:
    """A modulus as the weak generator made them: each prime is k * M + 65537^a mod M."""
    product = math.prod(n for n in range(2, 702) if all(n % d for d in range(2, math.isqrt(n) + 1)))
    # Its residues show, whatever is prime: p = 65537^a mod M, plus multiples of M up to the length.
    factors = [pow(65537, a, product) + product * (1 << (bits // 2 - product.bit_length() - 1)) for a in (1234, 98765)]
    return factors[0] * factors[1] << 0


def test_112_rsa_keys_of_a_weak_generator() -> None:
    modulus = roca()
    assert "ROCA" in weakness(modulus)


def test_112_rsa_keys_with_close_factors() -> None:
    near = (1 << 1023) + 12345
    assert "close" in weakness(next_prime_like(near) * next_prime_like(near + 10_000))


def next_prime_like(n: int) -> int:
    """The next number without a small factor: it stands for a prime."""
    while math.gcd(n, math.prod(range(3, 168, 2))) != 1 or n % 2 == 0:
        n += 1
    return n


def test_112_rsa_keys_with_a_small_factor() -> None:
    modulus = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n
    assert "small factor" in weakness(modulus * 163)
    with pytest.raises(Rejected):
        read_public_jwk(rsa_jwk(modulus * 163))


def test_sound_keys_are_taken() -> None:
    for _ in range(20):
        for private in (
            ed25519.Ed25519PrivateKey.generate(),
            x25519.X25519PrivateKey.generate(),
            ec.generate_private_key(ec.SECP256R1()),
        ):
            assert read_public_jwk(write_public_jwk(private.public_key())) is not None
    for bits in (2048, 3072):
        modulus = rsa.generate_private_key(65537, bits).public_key().public_numbers().n
        assert weakness(modulus) == ""
        assert read_public_jwk(rsa_jwk(modulus)) is not None
