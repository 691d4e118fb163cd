"""The refresh token grant (RFC 6749 section 6). The rule of rotation is in decisions/token/redeem.py."""

from hmac import compare_digest
from itertools import takewhile

from service.bags.errors import BadBag
from service.bags.kinds import RefreshToken
from service.clients.rights import granted_today
from service.grants.plan import GrantRequest, Plan, Renewal, for_userinfo, person_of
from service.grants.plan_for_code import bound
from service.protocol.audience import meaningful_scopes
from service.protocol.authorization_details import narrow_details
from service.protocol.digests import client_digest
from service.protocol.errors import OAuthError
from service.protocol.revocation_check import RevocationCheck
from service.protocol.scopes import narrow_scopes, parse_scope

GRACE = 30
"""Seconds after the first use of its child in which a used refresh token counts as a late duplicate."""
_MAX_USES = 6
"""The number of generations whose use is kept; a client that rotates more often within GRACE is not usual."""


async def refresh_token(request: GrantRequest) -> Plan:
    """Return the plan for a refresh token.

    Raises:
        OAuthError: invalid_grant if the refresh token cannot be used by this request; invalid_request, invalid_scope,
            invalid_target, invalid_authorization_details.
    """
    try:
        token = request.snapshot.open(request.form.require("refresh_token"), (RefreshToken,), request.now)
    except BadBag as fault:
        raise _invalid_refresh_token(fault.reason) from None
    return plan_for_token(token, request)


def plan_for_token(token: RefreshToken, request: GrantRequest) -> Plan:
    """Return the plan for `token`.

    Raises:
        OAuthError: invalid_grant, invalid_scope, invalid_target, invalid_authorization_details.
    """
    form, client, grant = request.form, request.client, token.grant
    if not compare_digest(grant.client, client_digest(client.id)):
        raise _invalid_refresh_token("another client's refresh token")
    if not grant.cnf.items() <= request.cnf.items():
        raise OAuthError(
            "invalid_grant",
            "the refresh token is bound to a key; prove the key that the first token request proved",
            reason="another key",
        )
    today = granted_today(grant, client, request.registry)
    if "offline_access" in grant.scope.split() and "offline_access" not in today.scope.split():
        raise _invalid_refresh_token("offline_access was withdrawn")
    audiences = request.registry.audiences.target(client, form.all("resource"), today.resources)
    scope = form.get("scope")
    requested = None if scope is None else parse_scope(scope)
    scopes = narrow_scopes(requested, today.scope, meaningful_scopes(audiences))
    rotates = client.public or request.registry.config.refresh.rotate_confidential
    return Plan(
        subject=grant.sub,
        client_id=client.id,
        audiences=audiences,
        scopes=scopes,
        requested=requested,
        revocation_checks=(RevocationCheck("", grant.family, client.id, grant.sub, token.iat),),
        redeems=token,
        rotates=rotates,
        renewal=Renewal(
            bound(grant, client, request.cnf),
            token.until,
            token.generation + rotates,
            uses_with(token, request.now) if rotates else token.uses,
        ),
        family=grant.family,
        cnf=request.cnf,
        auth_time=grant.auth_time,
        acr=grant.acr,
        amr=grant.amr,
        authorization_details=narrow_details(form.get("authorization_details"), today.authorization_details),
        person=person_of(grant, request, scopes),
        userinfo=for_userinfo(grant, request, scopes),
        terms=grant.terms,
    )


def uses_with(token: RefreshToken, now: float) -> tuple[int, ...]:
    """Return the uses of `token` and of the generations before it that a late duplicate may still depend on.

    They are instants in seconds since the epoch, and `now` is the first of them.
    """
    return (int(now), *takewhile(lambda instant: now - instant <= GRACE, token.uses[: _MAX_USES - 1]))


def _invalid_refresh_token(reason: str) -> OAuthError:
    """Return the refusal of a refresh token; the description is the same for each reason, so that it reveals none."""
    description = "the refresh token is wrong, expired or belongs to another client; the user must log in again"
    return OAuthError("invalid_grant", description, reason=reason)
