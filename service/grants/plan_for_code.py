"""The plan for what a resource owner has granted (RFC 6749 section 1.3), by authorization code or device approval."""

import msgspec

from service.bags.kinds import AuthorizationCode, Grant
from service.clients.rights import granted_today
from service.config import Client
from service.grants.plan import GrantRequest, Plan, Renewal, for_userinfo, person_of, refreshable
from service.protocol.audience import meaningful_scopes
from service.protocol.authorization_details import narrow_details
from service.protocol.errors import OAuthError
from service.protocol.revocation_check import RevocationCheck
from service.protocol.scopes import narrow_scopes


def plan_for(code: AuthorizationCode, request: GrantRequest) -> Plan:
    """Return the plan for `code`.

    Raises:
        OAuthError: invalid_grant, invalid_target, invalid_scope, invalid_authorization_details.
    """
    client, grant = request.client, code.grant
    if not grant.cnf.items() <= request.cnf.items():
        raise OAuthError(
            "invalid_grant",
            "the code is bound to a DPoP key (dpop_jkt); send a proof by this key",
            reason="another key",
        )
    today = granted_today(grant, client, request.registry)
    audiences = request.registry.audiences.target(client, request.form.all("resource"), today.resources)
    scopes = narrow_scopes(None, today.scope, meaningful_scopes(audiences))
    until = int(request.now) + request.registry.config.lifetimes.refresh_absolute
    return Plan(
        subject=grant.sub,
        client_id=client.id,
        audiences=audiences,
        scopes=scopes,
        revocation_checks=(RevocationCheck("", grant.family, client.id, grant.sub, code.iat),),
        redeems=code,
        renewal=Renewal(bound(grant, client, request.cnf), until) if refreshable(today, client) else None,
        family=grant.family,
        cnf=request.cnf,
        auth_time=grant.auth_time,
        acr=grant.acr,
        amr=grant.amr,
        authorization_details=narrow_details(request.form.get("authorization_details"), today.authorization_details),
        person=person_of(grant, request, scopes),
        userinfo=for_userinfo(grant, request, scopes),
        nonce=code.nonce,
        terms=grant.terms,
    )


def bound(grant: Grant, client: Client, cnf: dict[str, str]) -> Grant:
    """Return `grant` for a refresh token: bound to the proved key `cnf` if `client` is public (RFC 9449 section 5).

    A confidential client's refresh token is bound to the client, so the client may change its key.
    """
    binding = cnf if client.public else {}
    return grant if grant.cnf == binding else msgspec.structs.replace(grant, cnf=binding)
