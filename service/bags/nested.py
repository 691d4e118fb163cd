"""Nested JWTs: signed, then encrypted to the public key of a resource server or client (RFC 7519 section 5.2).

The recipient opens such a token like any nested JWT. The private header member `ak` ("kid.wrapped seed", not critical)
lets this service open it with a bag key, so introspection and revocation need no key of the recipient. The seed is the
input of a one-way function whose result is the content key. If `ak` wrapped the content key itself, the recipient, who
knows the content key, could move the wrapped key into a bag and forge codes and refresh tokens. The recipient can still
encrypt other content under the same content key, so only the inner signature shows authenticity.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from keys import InvalidWrap
from satchel_jose.base64url import decode, encode
from satchel_jose.strict_json import load_object
from service.bags.errors import BadBag
from service.bags.jwk import read_public_jwk
from service.bags.randomness import random_octets

MAX_CHARS = 16384
MAX_HEADER_BYTES = 2048
WRAPPED_BYTES, IV_BYTES, TAG_BYTES = 40, 12, 16

_START = b'{"typ":"JWT","cty":"JWT","enc":"A256GCM","alg":"'  # 48 bytes: whole groups of base64
_START_SEGMENT = encode(_START)
_ECDH, _RSA = "ECDH-ES+A256KW", "RSA-OAEP-256"
_MEMBERS = {
    _ECDH: ("typ", "cty", "enc", "alg", "kid", "epk", "ak"),
    _RSA: ("typ", "cty", "enc", "alg", "kid", "ak"),
}
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
# RFC 7518 §4.6.2: AlgorithmID, empty PartyUInfo and PartyVInfo, SuppPubInfo (256 bits)
_OTHER_INFO = len(_ECDH).to_bytes(4) + _ECDH.encode() + bytes(8) + (256).to_bytes(4)


class BagKey(Protocol):
    """A bag key of this service, which wraps 32 bytes (RFC 3394)."""

    @property
    def kid(self) -> str: ...

    def wrap(self, seed: bytes, /) -> bytes: ...


class Recipient(msgspec.Struct, frozen=True):
    """The public key of a recipient (`cryptography` object), and the constant part of the header."""

    kid: str
    handle: Any
    header: bytes

    @classmethod
    def from_jwk(cls, jwk: dict[str, Any]) -> "Recipient":
        """Return the recipient with a public JWK: P-256, X25519, or RSA of at least 2048 bits. Raises BadBag."""
        key = read_public_jwk(jwk)
        if key is None or key.kind not in ("P-256", "X25519", "RSA"):
            raise BadBag("a recipient's key is P-256, X25519 or RSA")
        if key.kid is None:
            raise BadBag("a recipient's key has a kid")
        alg, operations = (_RSA, ("encrypt", "wrapKey")) if key.kind == "RSA" else (_ECDH, ("deriveKey", "deriveBits"))
        if key.alg not in (None, alg) or not key.serves("enc", *operations):
            raise BadBag("a recipient's key is for another use")
        recipient = cls(key.kid, key.handle, _START + b'%s","kid":%s' % (alg.encode(), _json(key.kid)))
        try:
            recipient.encapsulate(bytes(32))
        except ValueError:  # a point of low order gives everyone the same secret
            raise BadBag("a recipient's key is a point of low order") from None
        return recipient

    def __repr__(self) -> str:
        return f"Recipient(kid={self.kid!r})"

    def encapsulate(self, cek: bytes) -> tuple[bytes, bytes]:
        """Return further header members (JSON), and the content key encrypted to the recipient."""
        if isinstance(self.handle, rsa.RSAPublicKey):
            return b"", self.handle.encrypt(cek, _OAEP)
        if isinstance(self.handle, x25519.X25519PublicKey):
            own = x25519.X25519PrivateKey.generate()
            secret = own.exchange(self.handle)
            epk = b'"kty":"OKP","crv":"X25519","x":"%s"' % encode(own.public_key().public_bytes_raw())
        else:
            ephemeral = ec.generate_private_key(ec.SECP256R1())
            secret = ephemeral.exchange(ec.ECDH(), self.handle)
            point = ephemeral.public_key().public_numbers()
            x, y = encode(point.x.to_bytes(32)), encode(point.y.to_bytes(32))
            epk = b'"kty":"EC","crv":"P-256","x":"%s","y":"%s"' % (x, y)
        kek = ConcatKDFHash(hashes.SHA256(), 32, _OTHER_INFO).derive(secret)
        return b',"epk":{%s}' % epk, aes_key_wrap(kek, cek)


def seal_nested(signed_jwt: bytes, recipient: Recipient, key: BagKey) -> str:
    """Return a compact JWE of the signed JWT, which the recipient opens, and this service with the bag key."""
    seed = random_octets(32)
    access = _json(f"{key.kid}.{encode(key.wrap(seed)).decode()}")
    return _seal(signed_jwt, recipient, _content_key(seed), b',"ak":%s' % access)


def seal_for(signed_jwt: bytes, recipient: Recipient) -> str:
    """Return a compact JWE of the signed JWT, which only the recipient opens."""
    return _seal(signed_jwt, recipient, random_octets(32), b"")


def _seal(signed_jwt: bytes, recipient: Recipient, cek: bytes, access: bytes) -> str:
    more, encrypted_key = recipient.encapsulate(cek)
    header = encode(b"%b%b%b}" % (recipient.header, more, access))
    iv = _iv(encrypted_key)
    sealed = AESGCM(cek).encrypt(iv, signed_jwt, header)
    segments = (header, encode(encrypted_key), encode(iv), encode(sealed[:-TAG_BYTES]), encode(sealed[-TAG_BYTES:]))
    return b".".join(segments).decode()


def open_own_nested(token: bytes, unwrap: Callable[[str, bytes], bytes]) -> bytes:
    """Return the signed JWT in a token that `seal_nested` made. The caller verifies its signature.

    `unwrap(kid, wrapped)` gives what the bag key `kid` has wrapped, or raises BadBag or InvalidWrap.
    Raises BadBag.
    """
    if len(token) > MAX_CHARS:
        raise BadBag("token is too long")
    if token.count(b".") != 4 or not token.startswith(_START_SEGMENT):
        raise BadBag("not a nested token of ours")
    header, *others = token.split(b".")
    encrypted_key, iv, ciphertext, tag = map(decode, others)
    if iv != _iv(encrypted_key) or len(tag) != TAG_BYTES:
        raise BadBag("a segment does not fit the others")
    kid, wrapped = _access(decode(header))
    try:
        return AESGCM(_content_key(unwrap(kid, wrapped))).decrypt(iv, ciphertext + tag, header)
    except (InvalidTag, InvalidWrap):
        raise BadBag("does not open") from None


def _content_key(seed: bytes) -> bytes:
    return hmac.digest(seed, b"nested content key", "sha256")


def _iv(encrypted_key: bytes) -> bytes:
    """Return the IV. The content key is used once, so any IV is safe; this one binds the segment outside of the tag."""
    return hashlib.sha256(encrypted_key).digest()[:IV_BYTES]


def _access(raw_header: bytes) -> tuple[str, bytes]:
    if len(raw_header) > MAX_HEADER_BYTES:
        raise BadBag("header is too long")
    header = load_object(raw_header)
    alg, access = header.get("alg"), header.get("ak")
    if not isinstance(alg, str) or tuple(header) != _MEMBERS.get(alg) or not isinstance(access, str):
        raise BadBag("not a header of ours")
    kid, _, text = access.rpartition(".")
    wrapped = decode(text.encode())
    if len(wrapped) != WRAPPED_BYTES:
        raise BadBag("wrapped key has the wrong length")
    return kid, wrapped


def _json(text: str) -> bytes:
    return json.dumps(text).encode()
