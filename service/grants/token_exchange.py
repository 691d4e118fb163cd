"""Token exchange (RFC 8693): a token for another resource, for the same subject, with or without an actor.

The configured rules say which client may exchange which issuers' tokens for which resources; anything else is refused.
Where RFC 8693 leaves a choice, this service takes the strict one:

- A client can exchange only a token that was issued to it, or whose audience is a resource that the client serves.
- A token that is bound to a key (`cnf`) needs a proof of that key.
- The new token keeps the actors of the subject token.
- The new token expires no later than the subject token and the actor token.
- The new token is revoked together with the family of the subject token.
"""

from collections.abc import Collection, Iterable
from typing import Any

from service.bags.errors import BadBag
from service.config import Exchange
from service.grants.exchange_party import ACCESS_TOKEN, JWT, Party, party
from service.grants.plan import GrantRequest, Plan
from service.protocol.audience import Audience, check_shareable, resource_scopes
from service.protocol.errors import OAuthError
from service.protocol.json_values import equal
from service.protocol.scopes import grant_scopes, parse_scope
from service.protocol.token_checks import Origin

MAX_ACTORS = 8
"""Maximum number of actors in a token: the current one and the prior ones (RFC 8693 section 4.1)."""

MAX_ORIGIN = 16
"""Maximum number of tokens that a token comes from, by exchange."""


async def token_exchange(request: GrantRequest) -> Plan:
    """Return the plan for a subject token and, for a delegation, an actor token.

    Raises:
        OAuthError: unauthorized_client if no rule names the client; invalid_request if a token is not acceptable
            (section 2.2.2); invalid_target, invalid_scope; temporarily_unavailable.
    """
    form, client = request.form, request.client
    rules = [rule for rule in request.registry.config.exchanges if client.id in rule.clients]
    if not rules:
        raise OAuthError("unauthorized_client", "the client may not use token exchange; no rule names it")
    token_type = form.get("requested_token_type") or ACCESS_TOKEN
    if token_type not in (ACCESS_TOKEN, JWT):
        raise OAuthError("invalid_request", "requested_token_type must be the type of an access token or of a JWT")
    subject, actor = await _parties(request)
    check_may_act(subject, actor, request)
    rules = [rule for rule in rules if _accepts(rule, subject, actor, request)]
    if not rules:
        raise unacceptable_token("subject", "no rule for the subject token")
    scope = form.get("scope")
    requested = None if scope is None else parse_scope(scope)
    rule, audiences = _target(rules, subject, requested, request)
    if token_type == JWT and audiences[0].format != "jwt":
        raise OAuthError(
            "invalid_request",
            "tokens of this resource are not signed JWTs; request the type of an access token",
        )
    allowed = _allowed_scopes(rule, subject, [audience.identifier for audience in audiences])
    return Plan(
        subject=subject.sub,
        client_id=client.id,
        audiences=audiences,
        scopes=grant_scopes(requested, sorted(allowed), allowed, resource_scopes(audiences)),
        requested=requested,
        revocation_checks=subject.revocation_checks
        if actor is None
        else (*subject.revocation_checks, *actor.revocation_checks),
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
        origin=_origin(subject, actor),
    )


async def _parties(request: GrantRequest) -> tuple[Party, Party | None]:
    form = request.form
    subject_token, subject_token_type = form.require("subject_token"), form.require("subject_token_type")
    actor_token, actor_token_type = form.get("actor_token"), form.get("actor_token_type")
    if (actor_token is None) != (actor_token_type is None):
        raise OAuthError("invalid_request", "actor_token and actor_token_type must be sent together")
    try:
        subject = await party(subject_token, subject_token_type, request)
    except BadBag as fault:
        raise unacceptable_token("subject", fault.reason) from None
    if actor_token is None or actor_token_type is None:
        return subject, None
    try:
        actor = await party(actor_token, actor_token_type, request)
        if actor.act is not None:
            raise BadBag("the actor token has an act claim of its own, which the new token would lose")
    except BadBag as fault:
        raise unacceptable_token("actor", fault.reason) from None
    return subject, actor


def unacceptable_token(role: str, reason: str) -> OAuthError:
    """Return the refusal of a token; the description is the same for each reason, so that it reveals none."""
    description = f"the {role} token is wrong, expired, or not one that this client may exchange"
    return OAuthError("invalid_request", description, reason=reason)


def check_may_act(subject: Party, actor: Party | None, request: GrantRequest) -> None:
    """Check the actor against the `may_act` claim of the subject token (section 4.4); without an actor, the client.

    Every claim in `may_act` must equal the actor's. Without `iss` it means the issuer of the subject token.

    Raises:
        OAuthError: invalid_request.
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
        or any(not equal(identity.get(name), value) for name, value in {"iss": subject.iss, **may_act}.items())
    ):
        raise OAuthError("invalid_request", "may_act of the subject token names another actor", reason="may_act")


def _accepts(rule: Exchange, subject: Party, actor: Party | None, request: GrantRequest) -> bool:
    issuers = rule.subjects or (request.registry.config.issuer,)
    return subject.iss in issuers and (rule.impersonation if actor is None else rule.delegation)


def _allowed_scopes(rule: Exchange, subject: Party, identifiers: Collection[str]) -> frozenset[str]:
    """Return the scopes that `rule` allows in a token for `subject` at these resources.

    A scope belongs to a resource: `read` at one resource is not `read` at another. So the scopes of the subject token
    count only at the resources of the subject token. Elsewhere the rule must name every scope.
    """
    same = set(identifiers) <= subject.aud
    allowed = subject.scope.union(rule.scopes) if same else frozenset(rule.scopes)
    return allowed if subject.limit is None else allowed & subject.limit


def _target(
    rules: Iterable[Exchange], subject: Party, requested: tuple[str, ...] | None, request: GrantRequest
) -> tuple[Exchange, tuple[Audience, ...]]:
    """Return the rule to apply, and the audiences of the new token.

    The rule is the first of `rules` that allows all resources of the request (`resource` and `audience` parameters) and
    all `requested` scopes; if none allows all the scopes, the first that allows the resources. A request without
    resources means the resource of a rule that has exactly one.

    Raises:
        OAuthError: invalid_target.
    """
    named = list(dict.fromkeys(request.form.all("resource") + request.form.all("audience")))
    found: list[tuple[Exchange, tuple[str, ...]]] = []
    for rule in rules:
        identifiers = tuple(named) or (rule.audiences if len(rule.audiences) == 1 else ())
        if identifiers and set(identifiers) <= set(rule.audiences):
            found.append((rule, identifiers))
    if not found:
        raise OAuthError("invalid_target", "no rule lets the client exchange this token for these resources")
    wanted = set(requested or ())
    rule, identifiers = next((pair for pair in found if wanted <= _allowed_scopes(pair[0], subject, pair[1])), found[0])
    audiences = tuple(request.registry.audiences[identifier] for identifier in identifiers)
    check_shareable(audiences)
    return rule, audiences


def _origin(subject: Party, actor: Party | None) -> tuple[Origin, ...]:
    """Return the tokens that the new token comes from.

    Raises:
        OAuthError: invalid_request if there are too many.
    """
    origin = subject.origin
    if actor is not None:
        # Everybody can read the claim, so an actor with a pairwise `sub` is not named.
        sub = actor.sub if actor.sub == actor.revocation_checks[0].sub else ""
        acting = tuple((jti, client, name or sub) for jti, client, name in actor.origin)
        origin = (*origin, *acting)
    if len(origin) > MAX_ORIGIN:
        raise OAuthError("invalid_request", "the subject token comes from too many exchanges; exchange an earlier one")
    return origin


def _actors(subject: Party, actor: Party | None) -> dict[str, Any] | None:
    """Return the `act` claim: the actor, and nested in it the actors of the subject token (section 4.1)."""
    act = subject.act
    if actor is not None:
        act = {"sub": actor.sub} if act is None else {"sub": actor.sub, "act": act}
    depth, link = 0, act
    while link is not None:
        depth, link = depth + 1, link.get("act")
    if depth > MAX_ACTORS:
        raise OAuthError("invalid_request", f"a token names {MAX_ACTORS} actors at most; act would have more")
    return act
