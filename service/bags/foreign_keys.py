"""RFC 7518 §3, RFC 8037 §3: what other people's signatures are checked with."""

import hmac
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from service.bags.errors import BadBag
from service.bags.jwk import PublicKey, read_public_jwk
from service.bags.strict_json import load_object

MAX_KEYS = 64
MAX_DOCUMENT_BYTES = 256 * 1024
MIN_SECRET_BYTES = 32

Verify = Callable[[Any, bytes, bytes], None]
"""(handle, signature, signing input) -> None; raises InvalidSignature."""


class Algorithm(NamedTuple):
    kind: str
    verify: Verify


class HmacKey(msgspec.Struct, frozen=True):
    """A shared secret (bytes) for HMAC. It is never read from a JWK Set, so no public key can become one.

    Raises BadBag if it is shorter than 32 bytes.
    """

    handle: bytes
    kid: str | None = None
    alg: str | None = None

    kind = "secret"

    def __post_init__(self) -> None:
        if len(self.handle) < MIN_SECRET_BYTES:
            raise BadBag("secret is too short")

    def __repr__(self) -> str:
        return f"HmacKey(kid={self.kid!r})"


def _ecdsa(hash_algorithm: hashes.HashAlgorithm, octets: int, order: int) -> Verify:
    scheme = ec.ECDSA(hash_algorithm)

    def verify(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> None:
        r, s = int.from_bytes(signature[:octets]), int.from_bytes(signature[octets:])
        if len(signature) != 2 * octets or not 0 < r < order or not 0 < s < order:
            raise InvalidSignature
        key.verify(encode_dss_signature(r, s), message, scheme)

    return verify


def _eddsa(key: Any, signature: bytes, message: bytes) -> None:
    key.verify(signature, message)


def _rsa(scheme: padding.AsymmetricPadding, hash_algorithm: hashes.HashAlgorithm) -> Verify:
    def verify(key: Any, signature: bytes, message: bytes) -> None:
        key.verify(signature, message, scheme, hash_algorithm)

    return verify


def _pss(hash_algorithm: hashes.HashAlgorithm) -> Verify:
    return _rsa(padding.PSS(padding.MGF1(hash_algorithm), hash_algorithm.digest_size), hash_algorithm)


def _hmac(digest: str, octets: int) -> Verify:
    def verify(key: bytes, signature: bytes, message: bytes) -> None:
        # RFC 7518 §3.2: the key is at least as long as the hash.
        if len(key) < octets or not hmac.compare_digest(hmac.digest(key, message, digest), signature):
            raise InvalidSignature

    return verify


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
    "HS256": Algorithm("secret", _hmac("sha256", 32)),
    "HS384": Algorithm("secret", _hmac("sha384", 48)),
    "HS512": Algorithm("secret", _hmac("sha512", 64)),
}


def fits(key: PublicKey | HmacKey, alg: str) -> bool:
    """Whether this key may be used with this algorithm, which must be one of ALGORITHMS."""
    return key.kind == ALGORITHMS[alg].kind and key.alg in (None, alg)


class KeySet:
    """The keys of one signer, each found by its exact kid. Raises BadBag for more than 64 keys or a kid used twice."""

    def __init__(self, keys: Iterable[PublicKey | HmacKey]) -> None:
        self._keys = tuple(keys)
        self._by_kid = {key.kid: key for key in self._keys if key.kid is not None}
        if len(self._keys) > MAX_KEYS:
            raise BadBag("too many keys")
        if len(self._by_kid) != sum(key.kid is not None for key in self._keys):
            raise BadBag("two keys have the same kid")

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, kid: object) -> bool:
        return kid in self._by_kid

    def holds(self, thumbprint: str) -> bool:
        """Whether one of them is the public key with this RFC 7638 thumbprint."""
        return any(isinstance(key, PublicKey) and key.thumbprint == thumbprint for key in self._keys)

    def choose(self, kid: str | None, alg: str) -> PublicKey | HmacKey:
        """The one key that must have made the signature; raises BadBag if there is none, or more than one."""
        if kid is not None:
            key = self._by_kid.get(kid)
            if key is None:
                raise BadBag("unknown kid")
            if not fits(key, alg):
                raise BadBag("alg does not fit the key")
            return key
        fitting = [key for key in self._keys if fits(key, alg)]
        if len(fitting) != 1:
            raise BadBag("no kid, and not exactly one key that fits alg")
        return fitting[0]


def read_verification_key(jwk: object) -> PublicKey | None:
    """A public key that verifies signatures; None if it is for another use or of a kind we do not know.

    Raises BadBag as `read_public_jwk` does, and if the key's alg contradicts its kind.
    """
    key = read_public_jwk(jwk)
    if key is None or not key.serves("sig", "verify"):
        return None
    if key.alg is None:
        return key if any(fits(key, alg) for alg in ALGORITHMS) else None
    if key.alg not in ALGORITHMS:
        return None
    if not fits(key, key.alg):
        raise BadBag("the key's alg contradicts its kind")
    return key


def import_jwks(document: bytes | dict[str, Any]) -> KeySet:
    """The public keys of a JWK Set (RFC 7517 §5) that verify signatures; keys of unknown kinds are passed over.

    Raises BadBag for a set over 256 KiB or 64 keys, and for any malformed, weak or private key in it.
    """
    if isinstance(document, bytes):
        if len(document) > MAX_DOCUMENT_BYTES:
            raise BadBag("JWK Set is too long")
        document = load_object(document)
    entries = document.get("keys")
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise BadBag("a JWK Set has a list of at most 64 keys")
    return KeySet(key for key in map(read_verification_key, entries) if key is not None)
