"""Strict reading of compact JWSs (RFC 7515, RFC 8725). All checks of the form come before any use of a key."""

from functools import lru_cache
from typing import NamedTuple

import msgspec

from satchel_jose.algorithms import ALGORITHMS, SIGNATURES
from satchel_jose.base64url import decode
from satchel_jose.errors import Rejected
from satchel_jose.header import read_jws_header
from satchel_jose.jwk import PublicKey, read_verification_key


class Header(NamedTuple):
    """The header of a JWS. `typ` is in lower case and without "application/" (RFC 7515 section 4.1.9)."""

    alg: str
    kid: str | None
    typ: str | None
    key: PublicKey | None


class Unverified(msgspec.Struct, frozen=True):
    """A well-formed JWS whose signature is not verified yet."""

    header: Header
    payload: bytes
    signing_input: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"Unverified(kid={self.header.kid!r})"


def parse(token: bytes, types: frozenset[str | None]) -> Unverified:
    """Read a compact JWS whose `typ` is one of `types` (None: without `typ`). The caller limits the size.

    Raises:
        Rejected: the JWS is malformed or has another `typ`.
    """
    signing_input, _, signature = token.rpartition(b".")
    head, dot, body = signing_input.partition(b".")
    if not dot or b"." in body:
        raise Rejected("token has not three segments")
    header = _header(head)
    if header.typ not in types:
        raise Rejected("wrong typ")
    return Unverified(header, decode(body), signing_input, decode(signature))


def verify(unverified: Unverified, key: PublicKey) -> bytes:
    """Return the payload if the signature by `key` is valid.

    Raises:
        Rejected: the signature is wrong, or alg is not for this key.
    """
    alg = unverified.header.alg
    if not key.fits(alg):
        raise Rejected("alg does not fit the key")
    if not ALGORITHMS[alg].verify(key.handle, unverified.signature, unverified.signing_input):
        raise Rejected("bad signature")
    return unverified.payload


# A server uses the same header in all its tokens, and a client in all its proofs. Exceptions are not cached.
@lru_cache(1024)
def _header(segment: bytes) -> Header:
    header = read_jws_header(segment)
    if header["alg"] not in SIGNATURES:
        raise Rejected("unknown alg")
    typ = header.get("typ")
    key = read_verification_key(header["jwk"]) if "jwk" in header else None
    return Header(header["alg"], header.get("kid"), None if typ is None else _media_type(typ), key)


def _media_type(typ: str) -> str:
    return typ.lower().removeprefix("application/")
