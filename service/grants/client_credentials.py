"""The client credentials grant (RFC 6749 section 4.4); `sub` is the client itself (RFC 9068 section 2.2)."""

from service.grants.plan import GrantRequest, Plan
from service.protocol.errors import OAuthError


async def client_credentials(request: GrantRequest) -> Plan:
    """Plan a token for the client itself.

    Raises:
        OAuthError: invalid_scope, invalid_target; unauthorized_client for a client that cannot keep a secret.
    """
    client = request.client
    if client.public:
        raise OAuthError("unauthorized_client", "the grant is for confidential clients")
    asked = request.registry.entitlements.of(client, request.form.all("resource"), request.form.get("scope"))
    return Plan(client.id, client.id, *asked, cnf=request.cnf, repeatable=not request.cnf)
