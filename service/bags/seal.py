"""Encryption and decryption of bags: compact JWE with A256KW and A256GCM (RFC 7516, RFC 7518 sections 4.4 and 5.3)."""

from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys import InvalidWrap
from satchel_jose.base64url import decode, encode
from service.bags.errors import BadBag
from service.bags.randomness import random_octets


class Wrapper(Protocol):
    """A key that wraps content keys (RFC 3394)."""

    def wrap(self, cek: bytes, /) -> bytes: ...

    def unwrap(self, wrapped: bytes, /) -> bytes: ...


def seal(header: bytes, key: Wrapper, plaintext: bytes) -> bytes:
    """Return the compact JWE of `plaintext` under the protected header segment `header`.

    Every bag has a content key of its own, so the limit on the number of nonces under one key is never reached
    (NIST SP 800-38D section 8.3).
    """
    fresh = random_octets(44)
    cek, iv = fresh[:32], fresh[32:]
    sealed = AESGCM(cek).encrypt(iv, plaintext, header)
    return b".".join((header, encode(key.wrap(cek)), encode(iv), encode(sealed[:-16]), encode(sealed[-16:])))


def unseal(header: bytes, key: Wrapper, rest: bytes) -> bytes:
    """Return the plaintext of a compact JWE whose text is `header`, a dot, and `rest`.

    Raises:
        BadBag: the segments are malformed or not canonical, or the bag was not sealed by `key` under `header`.
    """
    segments = rest.split(b".", 4)
    if len(segments) != 4:
        raise BadBag("segment count")
    wrapped, iv, ciphertext, tag = map(decode, segments)
    if len(wrapped) != 40 or len(iv) != 12 or len(tag) != 16:
        raise BadBag("segment length")
    try:
        return AESGCM(key.unwrap(wrapped)).decrypt(iv, ciphertext + tag, header)
    except (InvalidTag, InvalidWrap):
        raise BadBag("not authentic") from None
