"""What a caller of the decision API may say of the tokens to be: properties, claims, lives."""

from typing import Protocol

import msgspec

from service.bags.kinds import Property, Terms
from service.bags.sign import RESERVED_CLAIMS
from service.config import Config
from service.decision_api.wire import CallersFault, Message, Pair, json_of
from service.grants import Plan

MAX_BYTES = 3000
"""Bytes of the longest terms, as a bag holds them."""


class Wishes(Protocol):
    """Members of requests that lead to tokens; lives are in seconds, 0 for what is configured."""

    properties: list[Pair] | None
    jwt_at_claims: str | None
    access_token: str | None
    refresh_token: str | None
    access_token_duration: int | None
    refresh_token_duration: int | None


class WithWishes(Message):
    """A request that has them."""

    properties: list[Pair] | None = None
    jwt_at_claims: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    access_token_duration: int | None = None
    refresh_token_duration: int | None = None


def terms_of(request: Wishes, config: Config) -> Terms | None:
    """Return what `request` says of the tokens; None for nothing.

    Raises:
        CallersFault: it says what cannot be.
    """
    if request.access_token or request.refresh_token:
        raise CallersFault("the text of a token cannot be chosen: it holds the token's content")
    claims = json_of("jwtAtClaims", request.jwt_at_claims)
    for name in RESERVED_CLAIMS.intersection(claims):
        raise CallersFault(f"jwtAtClaims: {name} is for the service alone to set")
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


def over(earlier: Terms | None, terms: Terms | None) -> Terms | None:
    """Return `terms` with what was said `earlier` and is not said anew.

    Raises:
        CallersFault: together they are too long.
    """
    if earlier is None or terms is None:
        return terms or earlier
    together = Terms(
        tuple({each.key: each for each in (*earlier.properties, *terms.properties)}.values()),
        {**earlier.claims, **terms.claims},
        terms.access_life or earlier.access_life,
        terms.refresh_life or earlier.refresh_life,
    )
    if len(msgspec.msgpack.encode(together)) > MAX_BYTES:
        raise CallersFault(f"properties and jwtAtClaims have more than {MAX_BYTES} bytes, with those said before")
    return together


def under(plan: Plan, terms: Terms | None) -> Plan:
    """Return `plan` with `terms` for its tokens, and for those that follow by refresh."""
    terms = over(plan.terms, terms)
    renewal = plan.renewal
    if renewal is not None and terms is not None:
        renewal = renewal._replace(grant=msgspec.structs.replace(renewal.grant, terms=terms))
    return plan if terms is None else msgspec.structs.replace(plan, terms=terms, renewal=renewal)


def _property(pair: Pair) -> Property:
    if not pair.key:
        raise CallersFault("a property has no key")
    return Property(pair.key, pair.value or "", bool(pair.hidden))


def _life(name: str, seconds: int | None, setting: str, most: int) -> int:
    if seconds is not None and seconds > most:
        raise CallersFault(f"{name} is more than {setting} ({most})")
    return max(0, seconds or 0)
