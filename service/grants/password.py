"""The resource owner password credentials grant (RFC 6749 section 4.3), for clients that cannot open a browser yet.

`ports.users` limits the rate of guesses (decisions/throttle.py). No other code sees a password.
"""

from service.bags.ids import fresh_id
from service.bags.kinds import Grant
from service.grants.plan import GrantRequest, Plan, Renewal
from service.protocol.digests import client_digest
from service.protocol.entitlement import Entitlement
from service.protocol.errors import OAuthError
from service.protocol.ports import User


async def password(request: GrantRequest) -> Plan:
    """Return the plan for a user name and password.

    Raises:
        OAuthError: invalid_grant, the same for unknown names and wrong passwords; invalid_request, invalid_scope,
            invalid_target; server_error if the user has no id or the id of a client.
    """
    username, secret, entitlement = password_request(request)
    user = await request.ports.users.authenticate(username, secret)
    if user is None:
        raise OAuthError("invalid_grant", "the user name or the password is wrong")
    return plan_for_user(user, entitlement, request)


def password_request(request: GrantRequest) -> tuple[str, str, Entitlement]:
    """Return user name, password, and the audiences and scopes that `request` is entitled to.

    Raises:
        OAuthError: invalid_request, invalid_scope, invalid_target.
    """
    form = request.form
    username, secret = form.require("username"), form.require("password")
    return username, secret, request.registry.entitlements.of(request.client, form.all("resource"), form.get("scope"))


def plan_for_user(user: User, entitlement: Entitlement, request: GrantRequest) -> Plan:
    """Return the plan for tokens of `user` within `entitlement`.

    Raises:
        OAuthError: server_error if the user has no id or the id of a client.
    """
    client, registry = request.client, request.registry
    if not registry.clients.can_be_user(user.sub):
        raise OAuthError("server_error", "internal error", reason="the user has no id, or the id of a client")
    now, family = int(request.now), fresh_id()
    renewal = None
    if "refresh_token" in client.grants:
        grant = Grant(
            family=family,
            client=client_digest(client.id),
            sub=user.sub,
            scope=" ".join(entitlement.scopes),
            resources=tuple(audience.identifier for audience in entitlement.audiences),
            auth_time=now,
            acr=user.acr,
            amr=user.amr,
            cnf=request.cnf if client.public else {},
        )
        renewal = Renewal(grant, now + registry.config.lifetimes.refresh_absolute)
    return Plan(
        subject=user.sub,
        client_id=client.id,
        audiences=entitlement.audiences,
        scopes=entitlement.scopes,
        requested=entitlement.requested,
        renewal=renewal,
        family=family,
        cnf=request.cnf,
        auth_time=now,
        acr=user.acr,
        amr=user.amr,
    )
