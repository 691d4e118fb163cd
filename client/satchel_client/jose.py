"""RFC 7515, RFC 8725: compact JWSs of other people, read strictly before any key is touched."""

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature

from satchel_client.algorithms import ALGORITHMS
from satchel_client.base64url import decode
from satchel_client.jwk import PublicKey, check_kid, read_public_jwk
from satchel_client.rejected import Rejected
from satchel_client.strict_json import load_object

MAX_HEADER_CHARS = 4096

# Each would change how the token is read, or have us fetch or trust something. Members unknown to us are passed over,
# as RFC 7515 section 4 asks; that `crit` is refused makes it safe.
REFUSED = frozenset({"crit", "b64", "zip", "enc", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", "jku", "x5u", "x5c"})


class Header(NamedTuple):
    """What a JWS header says; `typ` in lower case, without "application/" (RFC 7515 section 4.1.9)."""

    alg: str
    kid: str | None
    typ: str | None
    key: PublicKey | None


class Unverified(msgspec.Struct, frozen=True):
    """A well-formed JWS of which nothing is proven yet."""

    header: Header
    payload: bytes
    signing_input: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"Unverified(kid={self.header.kid!r})"


def parse(token: bytes, types: frozenset[str | None]) -> Unverified:
    """Read a compact JWS of one of these `typ`s (None: it has none). The caller bounds its size.

    Raises:
        Rejected: anything else.
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
    """Return the payload, if `key` has signed it.

    Raises:
        Rejected: it has not, or alg is none for that key.
    """
    alg = unverified.header.alg
    if not key.fits(alg):
        raise Rejected("alg does not fit the key")
    try:
        ALGORITHMS[alg].verify(key.handle, unverified.signature, unverified.signing_input)
    except InvalidSignature:
        raise Rejected("bad signature") from None
    return unverified.payload


# A server sends the same header with each of its tokens, a client with each of its proofs. A refusal is never kept.
@lru_cache(1024)
def _header(segment: bytes) -> Header:
    if len(segment) > MAX_HEADER_CHARS:
        raise Rejected("header is too long")
    header = load_object(decode(segment))
    if not REFUSED.isdisjoint(header):
        raise Rejected("header has a refused member")
    alg, typ = header.get("alg"), header.get("typ")
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise Rejected("unknown alg")
    if "typ" in header and not isinstance(typ, str):
        raise Rejected("typ is not a string")
    kid = check_kid(header["kid"]) if "kid" in header else None
    return Header(alg, kid, None if typ is None else _media_type(typ), _embedded(header))


def _media_type(typ: str) -> str:
    return typ.lower().removeprefix("application/")


def _embedded(header: dict[str, Any]) -> PublicKey | None:
    return read_public_jwk(header["jwk"]) if "jwk" in header else None
