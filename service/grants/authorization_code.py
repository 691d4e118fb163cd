"""The authorization code grant (RFC 6749 section 4.1.3) with PKCE (RFC 7636)."""

from hmac import compare_digest

import msgspec

from service.bags.errors import BadBag
from service.bags.kinds import AuthorizationCode, Grant
from service.config import Client
from service.grants.plan import GrantRequest, Plan, Renewal
from service.protocol.digests import client_digest, uri_digest
from service.protocol.errors import OAuthError
from service.protocol.pkce import check_verifier
from service.protocol.registry import meaningful_scopes
from service.protocol.scopes import narrow_scopes
from service.protocol.standing import Standing


async def authorization_code(request: GrantRequest) -> Plan:
    """Plan the tokens that a code stands for.

    Raises:
        OAuthError: invalid_grant for a code that is not good for this request; invalid_request, invalid_target.
    """
    form, client, now = request.form, request.client, request.now
    try:
        code = request.snapshot.open(form.require("code"), (AuthorizationCode,), now)
    except BadBag as fault:
        raise OAuthError("invalid_grant", "the code is not valid", reason=fault.reason) from None
    grant = code.grant
    if not compare_digest(grant.client, client_digest(client.id)):
        raise OAuthError("invalid_grant", "the code is not valid", reason="another client's code")
    redirect_uri = form.get("redirect_uri")
    if not compare_digest(code.redirect_uri, b"" if redirect_uri is None else uri_digest(redirect_uri)):
        raise OAuthError("invalid_grant", "redirect_uri differs from the one of the authorization request")
    if client.public and not code.challenge:
        raise OAuthError("invalid_grant", "the code is not valid", reason="a public client's code without PKCE")
    check_verifier(code.challenge, form.get("code_verifier"))
    if not grant.cnf.items() <= request.cnf.items():
        raise OAuthError("invalid_grant", "the code is bound to another key", reason="RFC 9449 section 10")
    audiences = request.registry.target(client, form.all("resource"), grant.resources)
    until = int(now) + request.registry.config.lifetimes.refresh_absolute
    return Plan(
        subject=grant.sub,
        client_id=client.id,
        audiences=audiences,
        scopes=narrow_scopes(None, grant.scope, meaningful_scopes(audiences)),
        standing=(Standing(code.jti, grant.family, client.id, grant.sub, code.iat),),
        redeems=code,
        renewal=Renewal(bound(grant, client, request.cnf), until) if "refresh_token" in client.grants else None,
        family=grant.family,
        cnf=request.cnf,
        auth_time=grant.auth_time,
        acr=grant.acr,
        amr=grant.amr,
        authorization_details=grant.authorization_details,
    )


def bound(grant: Grant, client: Client, cnf: dict[str, str]) -> Grant:
    """Return `grant` for a refresh token: a public client's is bound to the key it has just proved.

    A confidential client's is bound to the client already, which may change its key (RFC 9449 section 5).
    """
    return msgspec.structs.replace(grant, cnf=cnf if client.public else {})
