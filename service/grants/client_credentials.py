"""The client credentials grant (RFC 6749 section 4.4); `sub` is the client id (RFC 9068 section 2.2)."""

from service.grants.plan import GrantRequest, Plan
from service.protocol.errors import OAuthError


async def client_credentials(request: GrantRequest) -> Plan:
    """Return the plan for a token whose subject is the client.

    Raises:
        OAuthError: invalid_scope, invalid_target; unauthorized_client for a public client.
    """
    client = request.client
    if client.public:
        raise OAuthError("unauthorized_client", "client_credentials is for confidential clients; this client is public")
    entitlement = request.registry.entitlements.of(client, request.form.all("resource"), request.form.get("scope"))
    return Plan(client.id, client.id, *entitlement, cnf=request.cnf, repeatable=not request.cnf)
