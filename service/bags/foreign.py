"""JWTs of other parties (RFC 7515, RFC 7519, RFC 8725): strict parsing first, and only then the signature.

Client assertions, DPoP proofs, request objects and other issuers' tokens all pass here, and nowhere else.
"""

from functools import lru_cache
from typing import Any, NamedTuple, NewType

import msgspec

from satchel_jose.algorithms import ALGORITHMS
from satchel_jose.base64url import decode
from satchel_jose.header import read_jws_header
from satchel_jose.jwk import PublicKey
from satchel_jose.strict_json import load_object
from service.bags.errors import BadBag
from service.bags.foreign_keys import HmacKey, KeySet
from service.bags.jwk import read_verification_key

MAX_INSTANT = 2**53
_INSTANTS = ("exp", "nbf", "iat")

Claims = NewType("Claims", dict[str, Any])
"""Claims whose signature has been verified."""


class Unverified(msgspec.Struct, frozen=True):
    """A well-formed JWT whose signature is not verified yet. Its claims may only be used to find the keys."""

    alg: str
    kid: str | None
    typ: str | None
    key: PublicKey | None
    unverified_claims: dict[str, Any]
    signing_input: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"Unverified(kid={self.kid!r})"


class _Header(NamedTuple):
    alg: str
    kid: str | None
    typ: str | None
    has_key: bool


def _header(segment: bytes) -> _Header:
    """Return the header in a header segment."""
    header = read_jws_header(segment)
    return _Header(header["alg"], header.get("kid"), header.get("typ"), "jwk" in header)


def _embedded_key(segment: bytes) -> PublicKey | None:
    """Return the key in a header segment (RFC 9449 section 4.2); None if its kind cannot sign."""
    return read_verification_key(load_object(decode(segment))["jwk"])


# A party sends the same header with each of its tokens; a refusal is never kept.
_SHORT = 1024
_short_header = lru_cache(1024)(_header)
_short_embedded_key = lru_cache(1024)(_embedded_key)


def parse(token: str, *, types: frozenset[str | None], embedded_key: bool = False, max_chars: int = 8192) -> Unverified:
    """Parse a compact JWS with a JSON object, whose `typ` is one of `types` (None: without `typ`).

    `embedded_key` says that the header must hold a `jwk` (a DPoP proof); otherwise it must not. Raises BadBag.
    """
    if len(token) > max_chars:
        raise BadBag("token is too long")
    if token.count(".") != 2:
        raise BadBag("token has not three segments")
    try:
        signing_input, _, signature = token.encode("ascii").rpartition(b".")
    except UnicodeEncodeError:
        raise BadBag("token is not ASCII") from None
    head, _, body = signing_input.partition(b".")
    header = _short_header(head) if len(head) <= _SHORT else _header(head)
    if header.typ not in types:
        raise BadBag("wrong typ")
    if header.has_key is not embedded_key:
        raise BadBag("embedded key missing or out of place")
    key = None
    if embedded_key:
        key = _short_embedded_key(head) if len(head) <= _SHORT else _embedded_key(head)
    claims = load_object(decode(body))
    _check_registered_claims(claims)
    return Unverified(
        alg=header.alg,
        kid=header.kid,
        typ=header.typ,
        key=key,
        unverified_claims=claims,
        signing_input=signing_input,
        signature=decode(signature),
    )


def verify(unverified: Unverified, keys: KeySet, algs: frozenset[str]) -> Claims:
    """Return the claims if the key with this kid and alg has signed them, and alg is allowed; raises BadBag."""
    _check_alg(unverified, algs)
    return _verify(unverified, keys.choose(unverified.kid, unverified.alg))


def verify_with_embedded_key(unverified: Unverified, algs: frozenset[str]) -> tuple[Claims, str]:
    """Return the claims of a DPoP proof, and the SHA-256 thumbprint (RFC 7638) of the key in its header.

    The signature shows possession of this key and nothing else (RFC 9449 section 4.3). Raises BadBag.
    """
    _check_alg(unverified, algs)
    key = unverified.key
    if key is None or not key.fits(unverified.alg):
        raise BadBag("alg does not fit the embedded key")
    return _verify(unverified, key), key.thumbprint


def check_times(
    claims: Claims,
    now: float,
    *,
    skew: float = 60,
    require_exp: bool = True,
    max_life: float | None = None,
    max_age: float | None = None,
) -> None:
    """Check exp, nbf and iat (RFC 7519 sections 4.1.4 to 4.1.6), in seconds. Raises BadBag.

    `max_life` limits the time until `exp`, from now and from `iat` if there is one. `max_age` requires an `iat` no
    older than that.
    """
    exp, nbf, iat = claims.get("exp"), claims.get("nbf"), claims.get("iat")
    if exp is None:
        if require_exp or max_life is not None:
            raise BadBag("no exp")
    elif now >= exp + skew:
        raise BadBag("expired")
    elif max_life is not None and (exp - now > max_life + skew or (iat is not None and exp - iat > max_life)):
        raise BadBag("lives too long")
    if (nbf is not None and now < nbf - skew) or (iat is not None and now < iat - skew):
        raise BadBag("not yet valid")
    if max_age is not None and (iat is None or now - iat > max_age + skew):
        raise BadBag("no iat, or too old")


def check_issuer(claims: Claims, issuer: str) -> None:
    """Check that `iss` is exactly `issuer` (RFC 7519 section 4.1.1); raises BadBag."""
    if claims.get("iss") != issuer:
        raise BadBag("wrong iss")


def check_audience(claims: Claims, audience: str, *, array: bool = False) -> None:
    """Check that `aud` is `audience` or, with `array`, a list of it alone (RFC 7519 section 4.1.3); raises BadBag."""
    aud = claims.get("aud")
    if aud != audience and not (array and aud == [audience]):
        raise BadBag("wrong aud")


def _check_alg(unverified: Unverified, algs: frozenset[str]) -> None:
    if unverified.alg not in algs or unverified.alg not in ALGORITHMS:
        raise BadBag("alg is not allowed")


def _verify(unverified: Unverified, key: PublicKey | HmacKey) -> Claims:
    if not ALGORITHMS[unverified.alg].verify(key.handle, unverified.signature, unverified.signing_input):
        raise BadBag("bad signature")
    return Claims(unverified.unverified_claims)


def _check_registered_claims(claims: dict[str, Any]) -> None:
    for name in _INSTANTS:
        # type(), because True is an int
        if name in claims and (type(claims[name]) not in (int, float) or not -MAX_INSTANT < claims[name] < MAX_INSTANT):
            raise BadBag(f"{name} is not a sane number")
    for name in ("iss", "sub", "jti"):
        if name in claims and not isinstance(claims[name], str):
            raise BadBag(f"{name} is not a string")
    aud = claims.get("aud", "")
    if not isinstance(aud, str) and not (isinstance(aud, list) and all(isinstance(item, str) for item in aud)):
        raise BadBag("aud is neither a string nor a list of strings")
