"""Verified access tokens: their claims (RFC 9068 section 2.2, RFC 7662 section 2.2) and the check of their times."""

from typing import Annotated, Any

import msgspec

from satchel_jose.errors import Rejected
from satchel_jose.strict_json import load_object

REQUIRED = frozenset({"iss", "sub", "aud", "client_id", "exp", "iat", "jti"})
_BINDINGS = frozenset({"jkt", "x5t#S256"})
_END_OF_TIME = 2.0**53

Instant = Annotated[float, msgspec.Meta(gt=-_END_OF_TIME, lt=_END_OF_TIME)]


class _Claims(msgspec.Struct):
    iss: str = ""
    sub: str = ""
    aud: str | tuple[str, ...] = ()
    client_id: str = ""
    exp: Instant = _END_OF_TIME
    iat: Instant = 0
    nbf: Instant = 0
    jti: str = ""
    scope: str = ""
    acr: str = ""
    auth_time: Instant | None = None
    cnf: dict[str, str] | None = None


class AccessToken(msgspec.Struct, frozen=True):
    """A verified token, immutable, so that many requests can share it. Times are in seconds since the epoch."""

    issuer: str
    subject: str
    client_id: str
    audience: tuple[str, ...]
    scopes: frozenset[str]
    expires: float
    begins: float
    """The later of `nbf` and `iat`."""
    jti: str
    acr: str
    auth_time: float | None
    jkt: str | None
    """The thumbprint of the DPoP key to which the token is bound (RFC 9449 section 6); None if it is not bound."""
    x5t: str | None
    """The SHA-256 of the certificate to which the token is bound (RFC 8705 section 3.1); None if it is not bound."""
    json: bytes
    """The claims as JSON, unchanged."""

    @property
    def claims(self) -> dict[str, Any]:
        """All claims. They are decoded at each call, so the caller may change them."""
        claims: dict[str, Any] = msgspec.json.decode(self.json)
        return claims

    def __repr__(self) -> str:
        return f"AccessToken(jti={self.jti!r})"


def read_access_token(payload: bytes, required: frozenset[str] = REQUIRED) -> AccessToken:
    """Return the access token with the claims in `payload`, a JSON object. Claims may be missing unless `required`.

    Raises:
        Rejected: a claim is missing or has the wrong type, or `cnf` has a member that this package cannot check.
    """
    members = load_object(payload)
    if not members.keys() >= required:
        raise Rejected("a claim is missing")
    try:
        claims = msgspec.convert(members, _Claims)
    except msgspec.ValidationError as fault:  # its text names the claim and contains no value
        raise Rejected(str(fault)) from None
    cnf = claims.cnf or {}
    if claims.cnf is not None and (not cnf or not cnf.keys() <= _BINDINGS or not all(cnf.values())):
        raise Rejected("cnf has a member that cannot be checked")
    aud = claims.aud
    return AccessToken(
        claims.iss,
        claims.sub,
        claims.client_id,
        (aud,) if isinstance(aud, str) else aud,
        frozenset(claims.scope.split()),
        claims.exp,
        max(claims.nbf, claims.iat),
        claims.jti,
        claims.acr,
        claims.auth_time,
        cnf.get("jkt"),
        cnf.get("x5t#S256"),
        payload,
    )


def check_times(token: AccessToken, now: float, leeway: float) -> None:
    """Check that the token is valid at `now`. Clocks may differ by `leeway` seconds.

    Raises:
        Rejected: the token is not valid yet.
        Expired: the token has expired.
    """
    if now >= token.expires + leeway:
        raise Expired("expired")
    if now < token.begins - leeway:
        raise Rejected("not yet valid")


class Expired(Rejected):
    """The token has expired. Unlike other reasons, the client is told this one."""
