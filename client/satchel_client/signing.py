"""Compact JWSs of our own (RFC 7515 section 3.1; RFC 7518 section 3, RFC 8037): client assertions and DPoP proofs."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, Self

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from satchel_client.base64url import decode, encode
from satchel_client.errors import ClientError
from satchel_client.jwk import thumbprint
from satchel_client.rejected import Rejected

MIN_RSA_BITS = 2048


class Signer(Protocol):
    """Signs with one algorithm."""

    alg: str

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Return a compact JWS of `claims`; `alg` is added to the header."""


class _Row(NamedTuple):
    kind: type
    sign: Callable[[Any, bytes], bytes]


def _es256(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def _ps256(key: rsa.RSAPrivateKey, message: bytes) -> bytes:
    digest = hashes.SHA256()
    return key.sign(message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)


_ROWS = {
    "ES256": _Row(ec.EllipticCurvePrivateKey, _es256),
    "RS256": _Row(rsa.RSAPrivateKey, lambda key, message: key.sign(message, padding.PKCS1v15(), hashes.SHA256())),
    "PS256": _Row(rsa.RSAPrivateKey, _ps256),
    "EdDSA": _Row(ed25519.Ed25519PrivateKey, lambda key, message: key.sign(message)),
    "Ed25519": _Row(ed25519.Ed25519PrivateKey, lambda key, message: key.sign(message)),  # RFC 9864
}


class SigningKey:
    """A private key and the one algorithm that it signs with: ES256, RS256, PS256, EdDSA or Ed25519."""

    def __init__(self, key: object, alg: str | None = None, kid: str | None = None) -> None:
        """Take a private key of `cryptography`; `alg` is what its kind suggests (RS256 for RSA).

        Raises:
            ClientError: it cannot sign with `alg`, is on another curve than P-256, or has under 2,048 bits.
        """
        fitting = [name for name, row in _ROWS.items() if isinstance(key, row.kind) and alg in (None, name)]
        if not fitting:
            raise ClientError(f"a {type(key).__name__} does not sign with {alg or 'any algorithm that is known here'}")
        if isinstance(key, ec.EllipticCurvePrivateKey) and not isinstance(key.curve, ec.SECP256R1):
            raise ClientError("ES256 wants a key on P-256")
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
            raise ClientError(f"an RSA key wants {MIN_RSA_BITS} bits")
        self.alg = fitting[0]
        self.kid = kid
        self.public_jwk = _public_jwk(key)
        self.thumbprint = thumbprint(self.public_jwk)
        """SHA-256 (RFC 7638), base64url, 43 characters."""
        self._key = key

    @classmethod
    def generate(cls, alg: str = "ES256", kid: str | None = None) -> Self:
        """Make a fresh key."""
        if alg == "ES256":
            return cls(ec.generate_private_key(ec.SECP256R1()), alg, kid)
        if alg in ("EdDSA", "Ed25519"):
            return cls(ed25519.Ed25519PrivateKey.generate(), alg, kid)
        return cls(rsa.generate_private_key(65537, MIN_RSA_BITS), alg, kid)

    @classmethod
    def from_pem(
        cls, pem: bytes, alg: str | None = None, kid: str | None = None, password: bytes | None = None
    ) -> Self:
        """Read a private key in PEM.

        Raises:
            ClientError: it is none, `password` does not open it, or as for the constructor.
        """
        try:
            key = serialization.load_pem_private_key(pem, password)
        except (ValueError, TypeError) as failure:
            raise ClientError(f"not a readable private key ({type(failure).__name__})") from None
        return cls(key, alg, kid)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> Self:
        """Read a private JWK (RFC 7517) with its `alg` and `kid`.

        Raises:
            ClientError: it is none, or as for the constructor.
        """
        try:
            key = _private_key(jwk)
        except (ValueError, TypeError, KeyError, AttributeError, Rejected):
            raise ClientError("not a readable private JWK") from None
        return cls(key, jwk.get("alg"), jwk.get("kid"))

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Return a compact JWS of `claims`; `alg`, and `kid` where there is one, are added to the header."""
        named = {"alg": self.alg, **({"kid": self.kid} if self.kid else {}), **header}
        message = _message(named, claims)
        return (message + b"." + encode(_ROWS[self.alg].sign(self._key, message))).decode()

    def __repr__(self) -> str:
        return f"SigningKey(alg={self.alg!r}, kid={self.kid!r})"


class SecretSigner:
    """Signs with HS256 and a client secret (RFC 7518 section 3.2)."""

    alg = "HS256"

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Return a compact JWS of `claims`."""
        message = _message({"alg": self.alg, **header}, claims)
        return (message + b"." + encode(hmac.digest(self._secret, message, hashlib.sha256))).decode()


def _message(header: Mapping[str, Any], claims: Mapping[str, Any]) -> bytes:
    return encode(msgspec.json.encode(header)) + b"." + encode(msgspec.json.encode(claims))


def _public_jwk(key: Any) -> dict[str, str]:
    """The required members."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().public_bytes_raw()).decode()}
    numbers = key.private_numbers().public_numbers
    if isinstance(key, rsa.RSAPrivateKey):
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    return {"kty": "EC", "crv": "P-256", "x": _number(numbers.x, 32), "y": _number(numbers.y, 32)}


def _number(value: int, octets: int | None = None) -> str:
    return encode(value.to_bytes(octets or (value.bit_length() + 7) // 8)).decode()


def _private_key(jwk: Mapping[str, Any]) -> object:
    octets = {name: decode(jwk[name].encode()) for name in ("d", "x", "y", "n", "e", "p", "q") if name in jwk}
    numbers = {name: int.from_bytes(value) for name, value in octets.items()}
    match jwk["kty"], jwk.get("crv"):
        case "OKP", "Ed25519":
            key: Any = ed25519.Ed25519PrivateKey.from_private_bytes(octets["d"])
        case "EC", "P-256":
            point = ec.EllipticCurvePublicNumbers(numbers["x"], numbers["y"], ec.SECP256R1())
            key = ec.EllipticCurvePrivateNumbers(numbers["d"], point).private_key()
        case "RSA", None:
            n, e, d = numbers["n"], numbers["e"], numbers["d"]
            p, q = (numbers["p"], numbers["q"]) if "p" in numbers else rsa.rsa_recover_prime_factors(n, e, d)
            dp, dq, qi = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
            key = rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n)).private_key()
        case _:
            raise ValueError("unknown kind")
    if any(_public_jwk(key)[name] != jwk[name] for name in ("x", "y", "n", "e") if name in jwk):
        raise ValueError("the public members are another key's")
    return key
