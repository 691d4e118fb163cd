"""Who may ask: client authentication for the endpoints that only look or revoke (RFC 7662 2.1, RFC 7009 2.1)."""

from service.client_auth import authenticate
from service.config import Client
from service.decisions.context import Context
from service.decisions.decision import Decision
from service.decisions.form_request import FormRequest
from service.decisions.one_time import spend_all
from service.protocol.form import Form, parse


async def authenticate_caller(
    decision: Decision, context: Context, form_request: FormRequest, now: float
) -> tuple[Client, Form]:
    """Return the client that sends `form_request`, and its form; what proved it is spent.

    Raises:
        OAuthError: invalid_client, invalid_request.
        MemoryUnavailable, MemoryFull
    """
    form = parse(form_request.body)
    credentials = form_request.credentials(form)
    client, decision.auth_method, one_time_ids, _ = await authenticate(
        credentials, context.registry, context.ports, now
    )
    decision.client_id = client.id
    await spend_all(one_time_ids, context.memory)
    return client, form
