"""Signing algorithms of JWS (RFC 7518 §3.3-3.5, RFC 8037 §3.1): one row each, the only place with their names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], bool]

RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What one JWS algorithm does with keys of `cryptography`; `fits`: is this public key of its kind and strong?"""

    generate: Callable[[], Any]
    fits: Callable[[Any], bool]
    signer: Callable[[Any], Sign]
    verifier: Callable[[Any], Verify]


def _verifier(size: int, check: Callable[[bytes, bytes], object]) -> Verify:
    """A verifier that refuses any signature not exactly `size` octets long before it does any arithmetic."""

    def verify(signature: bytes, data: bytes) -> bool:
        if len(signature) != size:
            return False
        try:
            check(signature, data)
        except InvalidSignature:
            return False
        return True

    return verify


def _ecdsa(curve: ec.EllipticCurve, digest: hashes.HashAlgorithm) -> Algorithm:
    size = (curve.key_size + 7) // 8
    order = curve.group_order
    scheme = ec.ECDSA(digest)

    def signer(private: ec.EllipticCurvePrivateKey) -> Sign:
        primitive = private.sign

        def sign(data: bytes) -> bytes:
            # 30 len 02 len(r) r 02 len(s) s: below P-521 each length is one octet; r and s vary in theirs.
            der = primitive(data, scheme)
            end = 4 + der[3]
            return der[4:end][-size:].rjust(size, b"\0") + der[end + 2 :][-size:].rjust(size, b"\0")

        return sign

    def verifier(public: ec.EllipticCurvePublicKey) -> Verify:
        def check(signature: bytes, data: bytes) -> None:
            r = int.from_bytes(signature[:size], "big")
            s = int.from_bytes(signature[size:], "big")
            if not (0 < r < order and 0 < s < order):
                raise InvalidSignature
            public.verify(encode_dss_signature(r, s), data, scheme)

        return _verifier(2 * size, check)

    return Algorithm(
        generate=lambda: ec.generate_private_key(curve),
        fits=lambda key: isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == curve.name,
        signer=signer,
        verifier=verifier,
    )


def _rsa(scheme: padding.AsymmetricPadding) -> Algorithm:
    digest = hashes.SHA256()

    def signer(private: rsa.RSAPrivateKey) -> Sign:
        primitive = private.sign
        return lambda data: primitive(data, scheme, digest)

    def verifier(public: rsa.RSAPublicKey) -> Verify:
        return _verifier(
            (public.key_size + 7) // 8, lambda signature, data: public.verify(signature, data, scheme, digest)
        )

    return Algorithm(
        generate=lambda: rsa.generate_private_key(65537, RSA_BITS),
        fits=lambda key: isinstance(key, rsa.RSAPublicKey) and key.key_size >= RSA_BITS,
        signer=signer,
        verifier=verifier,
    )


def _ed25519() -> Algorithm:
    return Algorithm(
        generate=ed25519.Ed25519PrivateKey.generate,
        fits=lambda key: isinstance(key, ed25519.Ed25519PublicKey),
        signer=lambda private: private.sign,
        verifier=lambda public: _verifier(64, public.verify),
    )


ALGORITHMS = {
    "ES256": _ecdsa(ec.SECP256R1(), hashes.SHA256()),
    "ES384": _ecdsa(ec.SECP384R1(), hashes.SHA384()),
    "EdDSA": _ed25519(),
    "RS256": _rsa(padding.PKCS1v15()),
    "PS256": _rsa(padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)),
}
