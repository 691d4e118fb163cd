"""custom: the operator's code maps the credentials of a request to a client (`hooks.authenticate_client`)."""

import asyncio

import structlog

from service.client_auth import assertion
from service.client_auth.method import Authenticated, Credentials, refused
from service.clients.registry import Registry
from service.protocol.errors import OAuthError
from service.protocol.ports import Ports

NAME = "custom"
SECONDS = 1.0
"""Maximum time for the operator's code, in seconds."""

log = structlog.get_logger("satchel")


def presented(credentials: Credentials, registry: Registry) -> bool:
    """Tell whether client_id names a client of this method, or the request names no client in a standard way."""
    if not registry.config.hooks.authenticate_client:
        return False
    form = credentials.form
    client_id = form.get("client_id")
    if client_id is not None:
        client = registry.clients.find(client_id)
        return client is not None and NAME in client.auth_methods
    basic = (credentials.authorization or "").partition(" ")[0].lower() == "basic"
    return not basic and form.get("client_secret") is None and form.get("client_assertion_type") != assertion.TYPE


async def authenticate(credentials: Credentials, registry: Registry, ports: Ports, now: float) -> Authenticated:
    """Return the client that the operator's code names.

    Raises:
        OAuthError: invalid_client; server_error if the code fails or takes longer than SECONDS.
    """
    if ports.authenticate_client is None:
        raise OAuthError("server_error", "internal error", reason="hooks.authenticate_client is not loaded")
    try:
        client_id = await asyncio.wait_for(ports.authenticate_client(credentials), SECONDS)
    except TimeoutError:
        log.error("hook failed", hook=registry.config.hooks.authenticate_client, fault="TimeoutError")
        raise OAuthError("server_error", "internal error", reason="the hook took too long") from None
    client = registry.clients.find(client_id) if client_id is not None else None
    if client is None:
        raise refused("unknown client")
    if credentials.form.get("client_id") not in (None, client.id):
        raise refused("client_id differs from the authenticated client")
    if NAME not in client.auth_methods:
        raise refused(f"{NAME} is not registered")
    return Authenticated(client, NAME)
