"""Client authentication for the endpoints beside /token (RFC 7662 section 2.1, RFC 7009 section 2.1)."""

from typing import NamedTuple

from service.client_auth import authenticate
from service.config import Client
from service.decisions.context import Context
from service.decisions.decision import Decision
from service.decisions.form_request import FormRequest
from service.protocol.form import Form, parse
from service.protocol.one_time_id import OneTimeId


class Caller(NamedTuple):
    """The authenticated client, the form, and the ids to spend once nothing else can refuse the request."""

    client: Client
    form: Form
    one_time_ids: tuple[OneTimeId, ...]


async def authenticate_caller(decision: Decision, context: Context, form_request: FormRequest, now: float) -> Caller:
    """Return the authenticated client of `form_request`. Nothing is spent yet.

    Raises:
        OAuthError: invalid_client, invalid_request.
    """
    form = parse(form_request.body)
    credentials = form_request.credentials(form)
    client, decision.auth_method, one_time_ids, _ = await authenticate(
        credentials, context.registry, context.ports, now
    )
    decision.client_id = client.id
    return Caller(client, form, one_time_ids)
