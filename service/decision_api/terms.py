"""The terms that a caller of the decision API sets for tokens: properties, claims, lifetimes."""

from typing import Protocol

import msgspec

from service.bags.kinds import Property, Terms
from service.bags.sign import RESERVED_CLAIMS
from service.config import Config
from service.decision_api.wire import CallersFault, Message, Pair, json_of
from service.grants import Plan

MAX_BYTES = 3000
"""Maximum length of encoded terms, in bytes."""


class TokenTerms(Protocol):
    """The members of a request that set terms; durations are in seconds, 0 means the configured lifetime."""

    properties: list[Pair] | None
    jwt_at_claims: str | None
    access_token: str | None
    refresh_token: str | None
    access_token_duration: int | None
    refresh_token_duration: int | None


class TokenTermsRequest(Message):
    """A request with the members of TokenTerms."""

    properties: list[Pair] | None = None
    jwt_at_claims: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    access_token_duration: int | None = None
    refresh_token_duration: int | None = None


def terms_of(request: TokenTerms, config: Config) -> Terms | None:
    """Return the terms of `request`; None if it sets none.

    Raises:
        CallersFault: a member has a value that is not allowed.
    """
    if request.access_token or request.refresh_token:
        raise CallersFault("accessToken and refreshToken must be absent: the text of a token cannot be chosen")
    claims = json_of("jwtAtClaims", request.jwt_at_claims)
    for name in RESERVED_CLAIMS.intersection(claims):
        raise CallersFault(f"jwtAtClaims must not have {name}: the service sets this claim itself")
    access, refresh = config.keys.sig_life, config.lifetimes.refresh_absolute
    terms = Terms(
        tuple(_property(pair) for pair in request.properties or ()),
        claims,
        _life("accessTokenDuration", request.access_token_duration, "keys.sig_life", access),
        _life("refreshTokenDuration", request.refresh_token_duration, "lifetimes.refresh_absolute", refresh),
    )
    if len(msgspec.msgpack.encode(terms)) > MAX_BYTES:
        raise CallersFault(f"properties and jwtAtClaims have more than {MAX_BYTES} bytes")
    return None if terms == Terms() else terms


def merge_terms(earlier: Terms | None, terms: Terms | None) -> Terms | None:
    """Return `terms` together with the `earlier` terms that `terms` does not replace.

    Raises:
        CallersFault: the merged terms are too long.
    """
    if earlier is None or terms is None:
        return terms or earlier
    merged = Terms(
        tuple({each.key: each for each in (*earlier.properties, *terms.properties)}.values()),
        {**earlier.claims, **terms.claims},
        terms.access_life or earlier.access_life,
        terms.refresh_life or earlier.refresh_life,
    )
    if len(msgspec.msgpack.encode(merged)) > MAX_BYTES:
        raise CallersFault(f"properties and jwtAtClaims have more than {MAX_BYTES} bytes with those of earlier calls")
    return merged


def apply_terms(plan: Plan, terms: Terms | None) -> Plan:
    """Return `plan` with `terms` for its tokens and for the tokens of later refreshes."""
    terms = merge_terms(plan.terms, terms)
    renewal = plan.renewal
    if renewal is not None and terms is not None:
        renewal = renewal._replace(grant=msgspec.structs.replace(renewal.grant, terms=terms))
    return plan if terms is None else msgspec.structs.replace(plan, terms=terms, renewal=renewal)


def _property(pair: Pair) -> Property:
    if not pair.key:
        raise CallersFault("each property must have a key")
    return Property(pair.key, pair.value or "", bool(pair.hidden))


def _life(name: str, seconds: int | None, setting: str, most: int) -> int:
    if seconds is not None and seconds > most:
        raise CallersFault(f"{name} must be at most {setting} ({most} seconds)")
    return max(0, seconds or 0)
