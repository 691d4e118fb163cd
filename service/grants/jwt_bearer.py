"""The JWT bearer grant (RFC 7523 section 2.1), with identity assertions (ID-JAG).

The `typ` header tells an ID-JAG from any other assertion, so one is never accepted as the other. An ID-JAG (Identity
Assertion JWT Authorization Grant, draft-ietf-oauth-identity-assertion-authz-grant) names the client that may present
it; its `scope` and `resource` limit the token.
"""

from math import ceil
from typing import Any

from service.bags.errors import BadBag
from service.config import Client
from service.grants.issuers import Statement, Use, verify_statement
from service.grants.plan import GrantRequest, Plan
from service.memory import owners
from service.protocol.audience import resource_scopes
from service.protocol.errors import OAuthError
from service.protocol.one_time_id import OneTimeId, replay_id
from service.protocol.scopes import grant_scopes, parse_scope

USES: dict[str | None, Use] = {None: "jwt_bearer", "JWT": "jwt_bearer", "oauth-id-jag+jwt": "id_jag"}
"""The use of an assertion, by its `typ` header."""


async def jwt_bearer(request: GrantRequest) -> Plan:
    """Return the plan for a token for an assertion's subject; it has no refresh token (RFC 7521 section 4.1).

    Raises:
        OAuthError: invalid_grant, invalid_request, invalid_scope, invalid_target, temporarily_unavailable.
    """
    try:
        return await plan_for_assertion(request)
    except BadBag as fault:
        raise invalid_assertion(fault.reason) from None


async def plan_for_assertion(request: GrantRequest) -> Plan:
    """Return the plan for a token for an assertion's subject.

    Raises:
        UnknownIssuer, BadBag: the assertion is not acceptable.
        OAuthError: any other fault of the request.
    """
    form, client, registry = request.form, request.client, request.registry
    assertion = await verify_statement(form.require("assertion"), USES, request)
    resources, limit = _id_jag_limits(assertion, client) if assertion.use == "id_jag" else (None, None)
    jti = assertion.claims.get("jti")
    if not jti:
        raise BadBag("no jti")
    audiences = registry.audiences.target(client, form.all("resource"), resources)
    allowed = [
        scope for scope in client.scopes if scope in assertion.issuer.scopes and (limit is None or scope in limit)
    ]
    defaults = client.scopes if limit is not None or client.default_scopes is None else client.default_scopes
    scope = form.get("scope")
    requested = None if scope is None else parse_scope(scope)
    one_time_id = OneTimeId(
        replay_id("jwt-bearer", assertion.claims["iss"], jti),
        ceil(assertion.claims["exp"]) + registry.config.keys.skew,
        "assertion",
        invalid_assertion("assertion replayed"),
        owners(client=client.id, subject=assertion.subject),
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


def invalid_assertion(reason: str) -> OAuthError:
    """Return the refusal of an assertion; the description is the same for each reason, so that it reveals none."""
    description = "the assertion is wrong, expired, used before, or not for this client; request a new one"
    return OAuthError("invalid_grant", description, reason=reason)


def _id_jag_limits(assertion: Statement, client: Client) -> tuple[list[str] | None, list[str] | None]:
    """Return the resources and the scopes that an ID-JAG allows; None for each that it does not limit.

    Raises:
        BadBag: the ID-JAG is for another client, or has a limit that this service cannot enforce.
    """
    claims = assertion.claims
    if client.public or claims.get("client_id") != client.id:
        raise BadBag("the identity assertion is another client's, or the client is public")
    if "iat" not in claims:
        raise BadBag("no iat")
    if "authorization_details" in claims:
        raise BadBag("authorization_details in an identity assertion is not supported")
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
