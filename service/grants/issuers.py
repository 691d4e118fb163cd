"""Verifying JWTs of trusted issuers (RFC 7523 section 3, RFC 8725 sections 3.8-3.12)."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from service.bags.errors import BadBag
from service.bags.foreign import Claims, check_audience, check_times, parse, verify
from service.grants.plan import GrantRequest
from service.protocol.errors import OAuthError
from service.protocol.ports import KeysUnavailable
from service.protocol.revocation_check import RevocationCheck
from service.protocol.subject import is_subject
from service.protocol.trusted_issuer import TrustedIssuer, qualified

Use = Literal["jwt_bearer", "id_jag", "token_exchange"]


class UnknownIssuer(BadBag):
    """The issuer of a JWT is not configured for this use. Nothing in the JWT was verified."""


class Statement(NamedTuple):
    """The verified claims of a trusted issuer's JWT.

    subject: the `sub` for our own tokens, made from the issuer's `sub`.
    act: the `act` claim with the actors' ids mapped in the same way.
    """

    use: Use
    issuer: TrustedIssuer
    claims: Claims
    subject: str
    act: dict[str, Any] | None
    revocation_check: RevocationCheck


async def verify_statement(token: str, uses: Mapping[str | None, Use], request: GrantRequest) -> Statement:
    """Return the verified claims of `token`; `uses` maps each accepted `typ` header to its use.

    The token must be for this service, for this client and for the use of its `typ`. The unverified `iss` only selects
    the issuer: a key of one issuer never verifies a token of another.

    Raises:
        UnknownIssuer, BadBag: the token is not acceptable.
        OAuthError: temporarily_unavailable if the issuer's keys cannot be fetched.
    """
    registry, client = request.registry, request.client
    unverified = parse(token, types=frozenset(uses))
    use = uses[unverified.typ]
    issuer = registry.issuers.get(unverified.unverified_claims.get("iss", ""))
    if issuer is None or use not in issuer.settings.uses:
        raise UnknownIssuer("not an issuer that is configured for this use")
    if issuer.settings.clients and client.id not in issuer.settings.clients:
        raise BadBag("the client may not present this issuer's tokens")
    keys = issuer.keys
    if keys is None:
        try:
            keys = await request.ports.remote_keys.keys(issuer.settings.jwks_uri, unverified.kid)
        except KeysUnavailable as fault:
            raise OAuthError(
                "temporarily_unavailable", "the issuer's keys cannot be fetched now; try again", reason=str(fault)
            ) from None
    claims = verify(unverified, keys, issuer.algs)
    check_audience(claims, registry.config.issuer if use == "id_jag" else issuer.audience, array=True)
    check_times(claims, request.now, skew=registry.config.keys.skew, max_life=issuer.settings.max_life)
    cnf = claims.get("cnf", {})
    if not isinstance(cnf, dict) or any(request.cnf.get(name) != value for name, value in cnf.items()):
        raise BadBag("bound to another key")
    subject = _subject(claims, issuer, request)
    # A token without `iat` counts as older than every not-before.
    check = RevocationCheck("", "", client.id, subject, int(claims.get("iat", 0)))
    return Statement(use, issuer, claims, subject, _actors(claims.get("act"), issuer), check)


def _subject(claims: Claims, issuer: TrustedIssuer, request: GrantRequest) -> str:
    sub = claims.get("sub", "")
    subject = issuer.subject(sub)
    if not sub.isprintable() or not sub or not request.registry.clients.can_be_user(subject):
        raise BadBag("sub is missing, too long or not printable, or the id of a client")
    return subject


def _actors(act: object, issuer: TrustedIssuer) -> dict[str, Any] | None:
    """Return an `act` claim (RFC 8693 section 4.1) with each actor's id mapped as `sub` is."""
    if act is None:
        return None
    if not isinstance(act, dict):
        raise BadBag("act is malformed")
    sub, iss = act.get("sub"), act.get("iss", issuer.settings.issuer)
    if not isinstance(sub, str) or not isinstance(iss, str) or "#" in iss:
        raise BadBag("act is malformed")
    actor = issuer.subject(sub) if iss == issuer.settings.issuer else qualified(iss, sub)
    if not sub.isprintable() or not is_subject(actor):
        raise BadBag("act is malformed")
    prior = _actors(act.get("act"), issuer)
    return {"sub": actor} if prior is None else {"sub": actor, "act": prior}
