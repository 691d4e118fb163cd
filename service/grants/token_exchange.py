"""Token exchange (RFC 8693): a token for another resource, in the subject's name, with the actor's beside it or not.

Configuration says who may exchange what for which resources; what no rule allows is refused. Where RFC 8693 leaves a
choice, ours is the narrow one: a client can exchange only a token that was issued to it, or sent to a resource that it
serves; a token that is bound to a key (`cnf`) only together with a proof of that key; a token that names actors keeps
them; and the new token expires with the first of those it rests on, and is revoked with the subject token's family.
"""

from collections.abc import Iterable
from typing import Any

from service.bags.errors import BadBag
from service.config import Exchange
from service.grants.exchange_party import ACCESS_TOKEN, JWT, Party, party
from service.grants.plan import GrantRequest, Plan
from service.protocol.audience import Audience, check_shareable, resource_scopes
from service.protocol.errors import OAuthError
from service.protocol.scopes import grant_scopes, parse_scope

MAX_ACTORS = 8
"""Actors that a token names at most, the present one and those before it (RFC 8693 section 4.1)."""


async def token_exchange(request: GrantRequest) -> Plan:
    """Plan the token that follows from a subject token and, in a delegation, an actor token.

    Raises:
        OAuthError: unauthorized_client without a rule for the client; invalid_request for a token that is not
            acceptable (section 2.2.2); invalid_target, invalid_scope; temporarily_unavailable.
    """
    form, client = request.form, request.client
    rules = [rule for rule in request.registry.config.exchanges if client.id in rule.clients]
    if not rules:
        raise OAuthError("unauthorized_client", "the client may exchange nothing")
    token_type = form.get("requested_token_type") or ACCESS_TOKEN
    if token_type not in (ACCESS_TOKEN, JWT):
        raise OAuthError("invalid_request", "requested_token_type is not supported")
    subject, actor = await _parties(request)
    check_may_act(subject, actor, request)
    rules = [rule for rule in rules if _accepts(rule, subject, actor, request)]
    if not rules:
        raise OAuthError("invalid_request", "the subject token is not acceptable", reason="no rule for it")
    scope = form.get("scope")
    requested = None if scope is None else parse_scope(scope)
    rule, audiences = _target(rules, subject, requested, request)
    if token_type == JWT and audiences[0].format != "jwt":
        raise OAuthError("invalid_request", "this resource's tokens are not signed JWTs")
    allowed = _lent(rule, subject)
    return Plan(
        subject=subject.sub,
        client_id=client.id,
        audiences=audiences,
        scopes=grant_scopes(requested, sorted(allowed), allowed, resource_scopes(audiences)),
        requested=requested,
        revocation_checks=(subject.revocation_check,)
        if actor is None
        else (subject.revocation_check, actor.revocation_check),
        void="invalid_request",
        family=subject.family,
        not_after=subject.expires if actor is None else min(subject.expires, actor.expires),
        cnf=request.cnf,
        auth_time=subject.auth_time,
        acr=subject.acr,
        amr=subject.amr,
        act=_actors(subject, actor),
        personal=subject.personal,
        issued_token_type=token_type,
    )


async def _parties(request: GrantRequest) -> tuple[Party, Party | None]:
    form = request.form
    subject_token, subject_token_type = form.require("subject_token"), form.require("subject_token_type")
    actor_token, actor_token_type = form.get("actor_token"), form.get("actor_token_type")
    if (actor_token is None) != (actor_token_type is None):
        raise OAuthError("invalid_request", "actor_token and actor_token_type go together")
    try:
        subject = await party(subject_token, subject_token_type, request)
    except BadBag as fault:
        raise OAuthError("invalid_request", "the subject token is not acceptable", reason=fault.reason) from None
    if actor_token is None or actor_token_type is None:
        return subject, None
    try:
        actor = await party(actor_token, actor_token_type, request)
        if actor.act is not None:
            raise BadBag("somebody else acts for the actor, and would go unnamed")
    except BadBag as fault:
        raise OAuthError("invalid_request", "the actor token is not acceptable", reason=fault.reason) from None
    return subject, actor


def check_may_act(subject: Party, actor: Party | None, request: GrantRequest) -> None:
    """Check the actor, or the client where there is none, against a `may_act` of the subject token (section 4.4).

    Every claim in it must be the actor's; one that names no issuer means the subject token's own.
    """
    if subject.may_act is None:
        return
    client = request.client.id
    own = {"iss": request.registry.config.issuer, "sub": client, "client_id": client}
    identity: dict[str, Any] = own if actor is None else actor.identity
    may_act = subject.may_act
    if (
        not isinstance(may_act, dict)
        or "sub" not in may_act
        or any(identity.get(name) != value for name, value in {"iss": subject.iss, **may_act}.items())
    ):
        raise OAuthError("invalid_request", "the subject token is for another actor", reason="may_act")


def _accepts(rule: Exchange, subject: Party, actor: Party | None, request: GrantRequest) -> bool:
    issuers = rule.subjects or (request.registry.config.issuer,)
    return subject.iss in issuers and (rule.impersonation if actor is None else rule.delegation)


def _lent(rule: Exchange, subject: Party) -> frozenset[str]:
    """Return the scopes that a token by `rule` may have."""
    lent = subject.scope.union(rule.scopes)
    return lent if subject.limit is None else lent & subject.limit


def _target(
    rules: Iterable[Exchange], subject: Party, requested: tuple[str, ...] | None, request: GrantRequest
) -> tuple[Exchange, tuple[Audience, ...]]:
    """Return the first of `rules` that allows all that the request names, by `resource` or by `audience`, and that.

    A request that names nothing means the one resource of a rule that has only one. Where a rule has the resources, and
    a later one the `requested` scopes too, it is the later one that allows it all.
    """
    named = list(dict.fromkeys(request.form.all("resource") + request.form.all("audience")))
    found: list[tuple[Exchange, tuple[str, ...]]] = []
    for rule in rules:
        identifiers = tuple(named) or (rule.audiences if len(rule.audiences) == 1 else ())
        if identifiers and set(identifiers) <= set(rule.audiences):
            found.append((rule, identifiers))
    if not found:
        raise OAuthError("invalid_target", "the client may not exchange this token for these resources")
    wanted = set(requested or ())
    rule, identifiers = next((pair for pair in found if wanted <= _lent(pair[0], subject)), found[0])
    audiences = tuple(request.registry.audiences[identifier] for identifier in identifiers)
    check_shareable(audiences)
    return rule, audiences


def _actors(subject: Party, actor: Party | None) -> dict[str, Any] | None:
    """Return the `act` claim: the actor, and within it those that the subject token names (section 4.1)."""
    act = subject.act
    if actor is not None:
        act = {"sub": actor.sub} if act is None else {"sub": actor.sub, "act": act}
    depth, link = 0, act
    while link is not None:
        depth, link = depth + 1, link.get("act")
    if depth > MAX_ACTORS:
        raise OAuthError("invalid_request", "the subject token has passed through too many hands")
    return act
