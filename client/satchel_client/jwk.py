"""RFC 7517, RFC 7518 section 6, RFC 8037 section 2, RFC 7638: other people's public keys, read strictly."""

import hashlib
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

from satchel_client.algorithms import ALGORITHMS
from satchel_client.base64url import decode, encode
from satchel_client.rejected import Rejected

MAX_KID_CHARS = 256
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
_CURVES: dict[str, tuple[int, ec.EllipticCurve]] = {
    "P-256": (32, ec.SECP256R1()),
    "P-384": (48, ec.SECP384R1()),
    "P-521": (66, ec.SECP521R1()),
}


class PublicKey(msgspec.Struct, frozen=True):
    """One public key: `kind` is "RSA" or the name of its curve, `handle` the `cryptography` object."""

    kind: str
    kid: str | None
    alg: str | None
    thumbprint: str
    handle: Any

    def fits(self, alg: str) -> bool:
        """Whether a signature with `alg` can be this key's."""
        row = ALGORITHMS.get(alg)
        return row is not None and row.kind == self.kind and self.alg in (None, alg)


def read_public_jwk(jwk: object) -> PublicKey | None:
    """Return a public key from its JWK; None if its kty or crv is unknown here, or its use is not signatures.

    Raises:
        Rejected: malformed, weak, off its curve, or with private members.
    """
    if not isinstance(jwk, dict):
        raise Rejected("a key is not an object")
    if not _PRIVATE.isdisjoint(jwk):
        raise Rejected("private or symmetric key material")
    if jwk.get("use", "sig") != "sig":
        return None
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    alg = _text(jwk, "alg") if "alg" in jwk else None
    if alg is not None and alg not in ALGORITHMS:
        return None
    try:
        material = _material(jwk)
    except (ValueError, UnsupportedAlgorithm):
        raise Rejected("not a valid public key") from None
    if material is None:
        return None
    kind, handle, thumbprint = material
    kid = check_kid(jwk["kid"]) if "kid" in jwk else None
    if alg is not None and ALGORITHMS[alg].kind != kind:
        raise Rejected("the key's alg contradicts its kind")
    return PublicKey(kind, kid, alg, thumbprint, handle)


def check_kid(kid: object) -> str:
    """Return the key id itself.

    Raises:
        Rejected: it is not 1 to 256 printable characters.
    """
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_CHARS or not kid.isprintable():
        raise Rejected("kid is not a short printable string")
    return kid


def thumbprint(members: dict[str, str]) -> str:
    """Return the SHA-256 thumbprint (RFC 7638) of a public key's required members: base64url, 43 characters."""
    canonical = msgspec.json.encode(dict(sorted(members.items())))
    return encode(hashlib.sha256(canonical).digest()).decode()


def _material(jwk: dict[str, Any]) -> tuple[str, Any, str] | None:
    """Kind, handle and thumbprint; None for a kind that is unknown here."""
    kty = _text(jwk, "kty")
    if kty == "RSA":
        n, e = _octets(jwk, "n"), _octets(jwk, "e")
        return "RSA", _rsa(n, e), thumbprint({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]})
    crv = _text(jwk, "crv") if kty in ("EC", "OKP") else ""
    if kty == "EC" and crv in _CURVES:
        octets, curve = _CURVES[crv]
        x, y = _octets(jwk, "x", octets), _octets(jwk, "y", octets)
        handle = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)
        return crv, handle, thumbprint({"kty": "EC", "crv": crv, "x": jwk["x"], "y": jwk["y"]})
    if kty == "OKP" and crv == "Ed25519":
        key = ed25519.Ed25519PublicKey.from_public_bytes(_octets(jwk, "x", 32))
        return crv, key, thumbprint({"kty": "OKP", "crv": crv, "x": jwk["x"]})
    return None


def read_epk(jwk: object) -> ec.EllipticCurvePublicKey | x25519.X25519PublicKey:
    """Return an ephemeral public key (RFC 7518 section 4.6.1.1) on P-256 or X25519.

    Raises:
        Rejected: malformed, off its curve, or on another one.
    """
    if not isinstance(jwk, dict) or not _PRIVATE.isdisjoint(jwk):
        raise Rejected("epk is not a public key")
    try:
        match jwk.get("kty"), jwk.get("crv"):
            case "EC", "P-256":
                point = b"\x04" + _octets(jwk, "x", 32) + _octets(jwk, "y", 32)
                return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
            case "OKP", "X25519":
                return x25519.X25519PublicKey.from_public_bytes(_octets(jwk, "x", 32))
    except ValueError:
        raise Rejected("epk is not a valid public key") from None
    raise Rejected("epk is of an unknown kind")


def _rsa(n: bytes, e: bytes) -> rsa.RSAPublicKey:
    if n[:1] == b"\0" or e[:1] == b"\0":
        raise Rejected("an RSA number has leading zeros")
    modulus, exponent = int.from_bytes(n), int.from_bytes(e)
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS or modulus % 2 == 0:
        raise Rejected("RSA modulus is too short, too long or even")
    # The upper bound keeps a verification cheap: its cost grows with the exponent.
    if not 65537 <= exponent < 2**32 or exponent % 2 == 0:
        raise Rejected("RSA exponent is too small, too large or even")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _octets(jwk: dict[str, Any], name: str, length: int | None = None) -> bytes:
    try:
        octets = decode(_text(jwk, name).encode("ascii"))
    except UnicodeEncodeError:
        raise Rejected("not base64url") from None
    if length is not None and len(octets) != length:
        raise Rejected("a coordinate has the wrong length")
    return octets


def _text(jwk: dict[str, Any], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise Rejected("a key lacks a member, or it is not a string")
    return value
