"""What a verified access token says (RFC 9068 section 2.2, RFC 7662 section 2.2), and the checks of section 4."""

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
    """A token that has been checked; one object may serve many requests. Instants are in seconds since the epoch."""

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
    """Thumbprint of the key that it is bound to (RFC 9449 section 6)."""
    x5t: str | None
    """SHA-256 of the certificate that it is bound to (RFC 8705 section 3.1)."""
    json: bytes
    """The claims as they came."""

    @property
    def claims(self) -> dict[str, Any]:
        """All claims, decoded anew at each call, so that what is done to them stays with the caller."""
        claims: dict[str, Any] = msgspec.json.decode(self.json)
        return claims

    def __repr__(self) -> str:
        return f"AccessToken(jti={self.jti!r})"


def read_access_token(payload: bytes, required: frozenset[str] = REQUIRED) -> AccessToken:
    """Return what these claims (a JSON object) say; those that are not `required` may be missing.

    Raises:
        Rejected: a claim is missing or of the wrong type, or the token is bound to something that we cannot check.
    """
    members = load_object(payload)
    if not members.keys() >= required:
        raise Rejected("a claim is missing")
    try:
        claims = msgspec.convert(members, _Claims)
    except msgspec.ValidationError as fault:  # it names the claim, and quotes no value
        raise Rejected(str(fault)) from None
    cnf = claims.cnf or {}
    if claims.cnf is not None and (not cnf or not cnf.keys() <= _BINDINGS or not all(cnf.values())):
        raise Rejected("bound to something that is not checked here")
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
    """Check the token's life at `now`; clocks may be `leeway` seconds apart.

    Raises:
        Rejected: expired, or from the future.
    """
    if now >= token.expires + leeway:
        raise Expired("expired")
    if now < token.begins - leeway:
        raise Rejected("not yet valid")


class Expired(Rejected):
    """It was good once; that may be told."""
