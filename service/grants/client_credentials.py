"""The client credentials grant (RFC 6749 section 4.4); `sub` is the client itself (RFC 9068 section 2.2)."""

from service.grants.plan import GrantRequest, Plan
from service.protocol.errors import OAuthError
from service.protocol.registry import meaningful_scopes
from service.protocol.scopes import grant_scopes, parse_scope


async def client_credentials(request: GrantRequest) -> Plan:
    """Plan a token for the client itself.

    Raises:
        OAuthError: invalid_scope, invalid_target; unauthorized_client for a client that cannot keep a secret.
    """
    client = request.client
    if client.public:
        raise OAuthError("unauthorized_client", "the grant is for confidential clients")
    audiences = request.registry.target(client, request.form.all("resource"))
    scope = request.form.get("scope")
    requested = None if scope is None else parse_scope(scope)
    defaults = client.scopes if client.default_scopes is None else client.default_scopes
    scopes = grant_scopes(requested, defaults, client.scopes, meaningful_scopes(audiences))
    return Plan(client.id, client.id, audiences, scopes, requested, cnf=request.cnf)
