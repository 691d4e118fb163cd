"""The resource owner password credentials grant (RFC 6749 section 4.3), for clients that cannot do better yet.

Whoever slows down the guessing of passwords does it in front of `ports.users`: nothing else sees them.
"""

from service.bags.ids import fresh_id
from service.bags.kinds import Grant
from service.grants.plan import GrantRequest, Plan, Renewal
from service.protocol.digests import client_digest
from service.protocol.errors import OAuthError


async def password(request: GrantRequest) -> Plan:
    """Plan the tokens of a user who has given the client name and password.

    Raises:
        OAuthError: invalid_grant, the same for unknown names and wrong passwords; invalid_request, invalid_scope,
            invalid_target; server_error for a user without an id, or with that of a client.
    """
    form, client, registry = request.form, request.client, request.registry
    username, secret = form.require("username"), form.require("password")
    audiences, scopes, requested = registry.entitlement(client, form.all("resource"), form.get("scope"))
    user = await request.ports.users.authenticate(username, secret)
    if user is None:
        raise OAuthError("invalid_grant", "the user name or the password is wrong")
    if not user.sub or registry.client(user.sub) is not None:
        raise OAuthError("server_error", "something went wrong here", reason="a user has no id, or that of a client")
    now, family = int(request.now), fresh_id()
    renewal = None
    if "refresh_token" in client.grants:
        grant = Grant(
            family=family,
            client=client_digest(client.id),
            sub=user.sub,
            scope=" ".join(scopes),
            resources=tuple(audience.identifier for audience in audiences),
            auth_time=now,
            acr=user.acr,
            amr=user.amr,
            cnf=request.cnf if client.public else {},
        )
        renewal = Renewal(grant, now + registry.config.lifetimes.refresh_absolute)
    return Plan(
        subject=user.sub,
        client_id=client.id,
        audiences=audiences,
        scopes=scopes,
        requested=requested,
        renewal=renewal,
        family=family,
        cnf=request.cnf,
        auth_time=now,
        acr=user.acr,
        amr=user.amr,
    )
