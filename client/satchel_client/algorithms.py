"""Signature algorithms (RFC 7518 section 3, RFC 8037 section 3, RFC 9864): one row each, all of them asymmetric."""

from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

Verify = Callable[[Any, bytes, bytes], None]
"""(public key, signature, signing input) -> None; raises InvalidSignature."""


class Algorithm(NamedTuple):
    """What kind of key it takes ("RSA", or the name of a curve), and how it verifies."""

    kind: str
    verify: Verify


def _ecdsa(digest: hashes.HashAlgorithm, octets: int, order: int) -> Verify:
    scheme = ec.ECDSA(digest)

    def verify(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> None:
        r, s = int.from_bytes(signature[:octets]), int.from_bytes(signature[octets:])
        if len(signature) != 2 * octets or not 0 < r < order or not 0 < s < order:
            raise InvalidSignature
        key.verify(encode_dss_signature(r, s), message, scheme)

    return verify


def _eddsa(key: Any, signature: bytes, message: bytes) -> None:
    key.verify(signature, message)


def _rsa(scheme: padding.AsymmetricPadding, digest: hashes.HashAlgorithm) -> Verify:
    def verify(key: Any, signature: bytes, message: bytes) -> None:
        key.verify(signature, message, scheme, digest)

    return verify


def _pss(digest: hashes.HashAlgorithm) -> Verify:
    return _rsa(padding.PSS(padding.MGF1(digest), digest.digest_size), digest)


_PKCS1 = padding.PKCS1v15()
_N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_N384 = int("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16)
_N521 = int(
    "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB"
    "5C9B8899C47AEBB6FB71E91386409",
    16,
)

ALGORITHMS: dict[str, Algorithm] = {
    "ES256": Algorithm("P-256", _ecdsa(hashes.SHA256(), 32, _N256)),
    "ES384": Algorithm("P-384", _ecdsa(hashes.SHA384(), 48, _N384)),
    "ES512": Algorithm("P-521", _ecdsa(hashes.SHA512(), 66, _N521)),
    "EdDSA": Algorithm("Ed25519", _eddsa),
    "Ed25519": Algorithm("Ed25519", _eddsa),
    "RS256": Algorithm("RSA", _rsa(_PKCS1, hashes.SHA256())),
    "RS384": Algorithm("RSA", _rsa(_PKCS1, hashes.SHA384())),
    "RS512": Algorithm("RSA", _rsa(_PKCS1, hashes.SHA512())),
    "PS256": Algorithm("RSA", _pss(hashes.SHA256())),
    "PS384": Algorithm("RSA", _pss(hashes.SHA384())),
    "PS512": Algorithm("RSA", _pss(hashes.SHA512())),
}
