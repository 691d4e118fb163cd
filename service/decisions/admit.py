"""Who may ask: client authentication for the endpoints that only look or revoke (RFC 7662 2.1, RFC 7009 2.1)."""

from service.client_auth import authenticate
from service.config import Client
from service.decisions.decision import Decision
from service.decisions.desk import Desk, Incoming
from service.decisions.spending import spend_all
from service.memory import MemoryFull, MemoryUnavailable
from service.protocol.errors import OAuthError
from service.protocol.form import Form, parse


async def admit(decision: Decision, desk: Desk, incoming: Incoming, now: float) -> tuple[Client, Form]:
    """Return the client that sends `incoming`, and its form; what proved it is spent.

    Raises:
        OAuthError: invalid_client, invalid_request.
        MemoryUnavailable, MemoryFull
    """
    form = parse(incoming.body)
    credentials = incoming.credentials(form)
    client, decision.auth_method, spends, _ = await authenticate(credentials, desk.registry, desk.ports, now)
    decision.client_id = client.id
    await spend_all(spends, desk.memory)
    return client, form


def unavailable(fault: MemoryUnavailable | MemoryFull) -> OAuthError:
    """Return the refusal for a memory that cannot be asked, or has no room."""
    return OAuthError("temporarily_unavailable", "try again later", reason=str(fault), retry_after=fault.retry_after)
