"""Tokens that are encrypted to this resource server (RFC 7516, RFC 7519 section 5.2).

The kind of the key decides the algorithm: ECDH-ES+A256KW (P-256, X25519) or RSA-OAEP-256, each with A256GCM.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from satchel_jose.base64url import decode
from satchel_jose.errors import Rejected
from satchel_jose.header import read_header
from satchel_jose.jwk import read_private_jwk, read_public_jwk

PrivateKey = ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey | rsa.RSAPrivateKey
"""A key that decrypts: P-256, X25519, or RSA of at least 2048 bits."""

_ECDH, _RSA = "ECDH-ES+A256KW", "RSA-OAEP-256"
_CEK_BYTES, _IV_BYTES, _TAG_BYTES = 32, 12, 16
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
_REFUSED = frozenset({"crit", "zip"})


class OwnKeys:
    """The private keys of this resource server, by kid.

    Raises:
        ValueError: a key has another kind or is too short.
    """

    def __init__(self, keys: Mapping[str, PrivateKey]) -> None:
        self._keys = {kid: (_algorithm(key), key) for kid, key in keys.items()}

    def __repr__(self) -> str:
        return f"OwnKeys({', '.join(self._keys)})"

    def open(self, token: bytes) -> bytes | None:
        """Return the JWT in a compact JWE; None if the JWE is not encrypted to one of these keys.

        Raises:
            Rejected: the JWE names one of these keys and cannot be decrypted.
        """
        head, *others = token.split(b".")
        if len(others) != 4:
            raise Rejected("not a compact JWE")
        header = read_header(head)
        kid = header.get("kid")
        if kid not in self._keys:
            return None
        alg, key = self._keys[kid]
        if header.get("alg") != alg or header.get("enc") != "A256GCM" or not _REFUSED.isdisjoint(header):
            raise Rejected("alg or enc is not the one of the key, or the header has crit or zip")
        if str(header.get("cty")).upper() != "JWT":
            raise Rejected("cty is not JWT")
        encrypted_key, iv, ciphertext, tag = map(decode, others)
        if len(iv) != _IV_BYTES or len(tag) != _TAG_BYTES:
            raise Rejected("a segment has the wrong length")
        try:
            return AESGCM(_DECRYPT[alg](key, encrypted_key, header)).decrypt(iv, ciphertext + tag, head)
        except InvalidTag:
            raise Rejected("does not open") from None


def _algorithm(key: PrivateKey) -> str:
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return _RSA
    if isinstance(key, x25519.X25519PrivateKey):
        return _ECDH
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return _ECDH
    raise ValueError("a key that opens tokens is P-256, X25519, or RSA of at least 2048 bits")


def _ecdh(key: Any, encrypted_key: bytes, header: dict[str, Any]) -> bytes:
    read = read_public_jwk(header.get("epk"))
    epk = None if read is None else read.handle
    try:
        if isinstance(key, x25519.X25519PrivateKey) and isinstance(epk, x25519.X25519PublicKey):
            secret = key.exchange(epk)
        elif isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(epk, ec.EllipticCurvePublicKey):
            secret = key.exchange(ec.ECDH(), epk)
        else:
            raise Rejected("epk is of another kind than the key")
    except ValueError:  # a point of low order gives everyone the same secret
        raise Rejected("epk is a point of low order") from None
    # RFC 7518 section 4.6.2
    parts = (_ECDH.encode(), _party(header, "apu"), _party(header, "apv"))
    info = b"".join(len(part).to_bytes(4) + part for part in parts) + (256).to_bytes(4)
    try:
        cek = aes_key_unwrap(ConcatKDFHash(hashes.SHA256(), 32, info).derive(secret), encrypted_key)
    except (InvalidUnwrap, ValueError):
        raise Rejected("does not open") from None
    if len(cek) != _CEK_BYTES:
        raise Rejected("does not open")
    return cek


def _rsa_oaep(key: Any, encrypted_key: bytes, _header: dict[str, Any]) -> bytes:
    # RFC 7516 section 11.5: a failure here must look like a failure of the content.
    substitute = os.urandom(_CEK_BYTES)
    try:
        cek: bytes = key.decrypt(encrypted_key, _OAEP)
    except ValueError:
        return substitute
    return cek if len(cek) == _CEK_BYTES else substitute


def _party(header: dict[str, Any], name: str) -> bytes:
    text = header.get(name, "")
    if not isinstance(text, str) or not text.isascii():
        raise Rejected("party information is not base64url")
    return decode(text.encode())


_DECRYPT: dict[str, Callable[[Any, bytes, dict[str, Any]], bytes]] = {_ECDH: _ecdh, _RSA: _rsa_oaep}


def read_own_keys(jwks: Iterable[Mapping[str, Any]]) -> OwnKeys:
    """Return the keys of private JWKs, each with its own kid.

    Raises:
        ValueError: a kid is missing or used twice, or a JWK is not a private key that decrypts. The text contains
            nothing of the key.
    """
    keys: dict[str, PrivateKey] = {}
    for jwk in jwks:
        kid = jwk.get("kid")
        if not isinstance(kid, str) or kid in keys:
            raise ValueError("every key needs a kid of its own")
        try:
            keys[kid] = read_private_jwk(jwk)
        except Rejected:
            raise ValueError(f"key {kid!r} is not a valid private JWK on P-256 or X25519, or RSA") from None
    return OwnKeys(keys)
