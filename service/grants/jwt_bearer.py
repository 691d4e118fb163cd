"""JWTs as authorization grants (RFC 7523 section 2.1), and identity assertions among them (ID-JAG).

The two are told apart by `typ`, so neither is ever taken for the other. An ID-JAG (Identity Assertion JWT Authorization
Grant, draft-ietf-oauth-identity-assertion-authz-grant) names the client that may present it, and its `scope` and
`resource` bound the token.
"""

from math import ceil
from typing import Any

from service.bags.errors import BadBag
from service.config import Client
from service.grants.issuers import Statement, Use, verify_statement
from service.grants.plan import GrantRequest, Plan
from service.protocol.audience import resource_scopes
from service.protocol.errors import OAuthError
from service.protocol.one_time_id import OneTimeId, replay_id
from service.protocol.scopes import grant_scopes, parse_scope

USES: dict[str | None, Use] = {None: "jwt_bearer", "JWT": "jwt_bearer", "oauth-id-jag+jwt": "id_jag"}
"""What an assertion is, by its `typ`."""


async def jwt_bearer(request: GrantRequest) -> Plan:
    """Plan a token for the subject of an assertion; there is no refresh token (RFC 7521 section 4.1).

    Raises:
        OAuthError: invalid_grant, invalid_request, invalid_scope, invalid_target, temporarily_unavailable.
    """
    try:
        return await plan_for_assertion(request)
    except BadBag as fault:
        raise OAuthError("invalid_grant", "the assertion is not valid", reason=fault.reason) from None


async def plan_for_assertion(request: GrantRequest) -> Plan:
    """Plan a token for the subject of an assertion.

    Raises:
        UnknownIssuer, BadBag: it is not to be believed.
        OAuthError: all but that.
    """
    form, client, registry = request.form, request.client, request.registry
    assertion = await verify_statement(form.require("assertion"), USES, request)
    resources, said = _identity_assertion(assertion, client) if assertion.use == "id_jag" else (None, None)
    jti = assertion.claims.get("jti")
    if not jti:
        raise BadBag("no jti")
    audiences = registry.audiences.target(client, form.all("resource"), resources)
    allowed = [scope for scope in client.scopes if scope in assertion.issuer.scopes and (said is None or scope in said)]
    defaults = client.scopes if said is not None or client.default_scopes is None else client.default_scopes
    scope = form.get("scope")
    requested = None if scope is None else parse_scope(scope)
    one_time_id = OneTimeId(
        replay_id("jwt-bearer", assertion.claims["iss"], jti),
        ceil(assertion.claims["exp"]) + registry.config.keys.skew,
        "assertion",
        OAuthError("invalid_grant", "the assertion is not valid", reason="assertion replayed"),
    )
    return Plan(
        subject=assertion.subject,
        client_id=client.id,
        audiences=audiences,
        scopes=grant_scopes(
            requested, [scope for scope in defaults if scope in allowed], allowed, resource_scopes(audiences)
        ),
        requested=requested,
        revocation_checks=(assertion.revocation_check,),
        one_time_ids=(one_time_id,),
        cnf=request.cnf,
        act=assertion.act,
    )


def _identity_assertion(assertion: Statement, client: Client) -> tuple[list[str] | None, list[str] | None]:
    """Return the resources and the scopes that an ID-JAG is limited to, each None where it does not say.

    Raises:
        BadBag: it is another client's, or says something that we would have to leave out.
    """
    claims = assertion.claims
    if client.public or claims.get("client_id") != client.id:
        raise BadBag("an identity assertion for another client, or for one that cannot prove who it is")
    if "iat" not in claims:
        raise BadBag("no iat")
    if "authorization_details" in claims:
        raise BadBag("authorization_details would be lost")
    scope = claims.get("scope")
    if scope is not None and not isinstance(scope, str):
        raise BadBag("scope is not a string")
    return _resources(claims.get("resource")), None if scope is None else scope.split(" ")


def _resources(resource: Any) -> list[str] | None:
    if resource is None:
        return None
    resources = [resource] if isinstance(resource, str) else resource
    if not isinstance(resources, list) or not resources or not all(isinstance(item, str) for item in resources):
        raise BadBag("resource is neither a string nor a list of strings")
    return resources
