"""Signing of client assertions and DPoP proofs, as compact JWSs (RFC 7515 section 3.1)."""

from collections.abc import Mapping
from typing import Any, Protocol, Self

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from satchel_client.errors import ClientError
from satchel_jose.algorithms import ALGORITHMS, MACS, SIGNATURES
from satchel_jose.base64url import encode
from satchel_jose.errors import Rejected
from satchel_jose.jwk import read_private_jwk, thumbprint, write_public_jwk


class Signer(Protocol):
    """A key that signs with one algorithm."""

    alg: str

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Return `claims` as a compact JWS. `alg` is added to the header."""


class SigningKey:
    """A private key and its algorithm, one of `satchel_jose.algorithms.SIGNATURES`."""

    def __init__(self, key: Any, alg: str | None = None, kid: str | None = None) -> None:
        """Take a private key of `cryptography`; `alg` is by default the first of the table for its kind (RSA: RS256).

        Raises:
            ClientError: it cannot sign with `alg`, or is unfit: RSA with under 2,048 bits, or of an unknown kind.
        """
        try:
            public = key.public_key()
            self.public_jwk = write_public_jwk(public)
        except (AttributeError, Rejected) as fault:
            reason = getattr(fault, "reason", "not a private key")
            raise ClientError(f"a {type(key).__name__} does not sign: {reason}") from None
        fitting = [name for name in SIGNATURES if ALGORITHMS[name].kind.dump_public(public) is not None]
        if not fitting or (alg is not None and alg not in fitting):
            raise ClientError(f"a {type(key).__name__} of this kind does not sign with {alg or 'any algorithm'}")
        self.alg = alg or fitting[0]
        self.kid = kid
        self.thumbprint = thumbprint(self.public_jwk)
        """The SHA-256 thumbprint of the key (RFC 7638): base64url, 43 characters."""
        self._key = key

    @classmethod
    def generate(cls, alg: str = "ES256", kid: str | None = None) -> Self:
        """Return a new key.

        Raises:
            ClientError: `alg` is unknown.
        """
        if alg not in SIGNATURES:
            raise ClientError(f"unknown signature algorithm {alg!r}")
        return cls(ALGORITHMS[alg].generate(), alg, kid)

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
        except (ValueError, TypeError, UnsupportedAlgorithm) as failure:
            raise ClientError(f"not a readable private key ({type(failure).__name__})") from None
        return cls(key, alg, kid)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> Self:
        """Read a private JWK (RFC 7517) with its `alg` and `kid`.

        Raises:
            ClientError: it is none, or as for the constructor.
        """
        try:
            key = read_private_jwk(jwk)
        except Rejected as fault:
            raise ClientError(f"not a readable private JWK: {fault.reason}") from None
        return cls(key, jwk.get("alg"), jwk.get("kid"))

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Return `claims` as a compact JWS. `alg` and the kid (if any) are added to the header."""
        named = {"alg": self.alg, **({"kid": self.kid} if self.kid else {}), **header}
        return _sign(self.alg, self._key, named, claims)

    def __repr__(self) -> str:
        return f"SigningKey(alg={self.alg!r}, kid={self.kid!r})"


class SecretSigner:
    """A client secret that signs with HS256, HS384 or HS512 (RFC 7518 section 3.2)."""

    def __init__(self, secret: str, alg: str = "HS256") -> None:
        """Take a secret that is at least as long as the hash.

        Raises:
            ClientError: it is shorter, or `alg` is unknown.
        """
        if alg not in MACS:
            raise ClientError(f"{alg!r} is not one of HS256, HS384 and HS512")
        if reason := ALGORITHMS[alg].kind.unfit({"k": secret.encode()}):
            raise ClientError(reason)
        self.alg = alg
        self._secret = secret.encode()

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Return `claims` as a compact JWS."""
        return _sign(self.alg, self._secret, {"alg": self.alg, **header}, claims)


def _sign(alg: str, key: Any, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    message = encode(msgspec.json.encode(header)) + b"." + encode(msgspec.json.encode(claims))
    return (message + b"." + encode(ALGORITHMS[alg].sign(key, message))).decode()
