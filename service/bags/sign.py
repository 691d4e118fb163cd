"""Signing and verification of the service's own JWTs (RFC 7515), and the claims of access tokens (RFC 9068)."""

from typing import Any, Protocol

import msgspec

from satchel_jose.base64url import decode, encode
from service.bags.errors import BadBag
from service.bags.kinds import AccessToken


class Signer(Protocol):
    """A key that signs. Its private half may be elsewhere (PKCS#11, a key service)."""

    def sign(self, data: bytes, /) -> bytes: ...

    def verify(self, signature: bytes, data: bytes, /) -> bool: ...


def sign(header: bytes, key: Signer, payload: bytes) -> bytes:
    """Return the compact JWS of `payload` under the protected header segment `header`."""
    signing_input = header + b"." + encode(payload)
    return signing_input + b"." + encode(key.sign(signing_input))


def verify(header: bytes, key: Signer, rest: bytes) -> bytes:
    """Return the payload of a compact JWS whose text is `header`, a dot, and `rest`.

    Raises:
        BadBag: the segments are malformed or not canonical, or the JWS was not signed by `key` under `header`.
    """
    payload, dot, signature = rest.partition(b".")
    if not dot or b"." in signature:
        raise BadBag("segment count")
    if not key.verify(decode(signature), header + b"." + payload):
        raise BadBag("not authentic")
    return decode(payload)


class _AccessClaims(msgspec.Struct, frozen=True, omit_defaults=True):
    iss: str
    sub: str
    aud: str | tuple[str, ...]
    client_id: str
    exp: int
    iat: int
    jti: str
    scope: str = ""
    auth_time: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()
    cnf: dict[str, str] = {}
    act: dict[str, Any] | None = None
    authorization_details: list[dict[str, Any]] = []


_FIELDS = frozenset(_AccessClaims.__struct_fields__)
RESERVED_CLAIMS = _FIELDS | {"nbf", "may_act", "sub_id", "events", "active", "token_type", "personal", "origin"}
"""Claims that only the service sets; configuration and hooks may not set them."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def access_claims(token: AccessToken) -> bytes:
    """Return the JSON claims of a signed access token (RFC 9068 section 2.2)."""
    aud = token.aud
    claims = _AccessClaims(
        token.iss,
        token.sub,
        aud[0] if len(aud) == 1 else aud,
        token.client_id,
        token.exp,
        token.iat,
        token.jti,
        token.scope,
        token.auth_time,
        token.acr,
        token.amr,
        token.cnf,
        token.act,
        token.authorization_details,
    )
    if token.claims:
        return _encode({**token.claims, **msgspec.to_builtins(claims)})
    return _encode(claims)


def access_token(payload: bytes) -> AccessToken:
    """Return the access token with these claims; the inverse of `access_claims`.

    Raises:
        BadBag: the claims are not those of an access token.
    """
    try:
        members = _decode(payload)
        claims = msgspec.convert(members, _AccessClaims)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadBag("claims") from None
    return AccessToken(
        iss=claims.iss,
        jti=claims.jti,
        iat=claims.iat,
        exp=claims.exp,
        sub=claims.sub,
        client_id=claims.client_id,
        aud=(claims.aud,) if isinstance(claims.aud, str) else claims.aud,
        scope=claims.scope,
        auth_time=claims.auth_time,
        acr=claims.acr,
        amr=claims.amr,
        cnf=claims.cnf,
        act=claims.act,
        authorization_details=claims.authorization_details,
        claims={name: value for name, value in members.items() if name not in _FIELDS},
    )
