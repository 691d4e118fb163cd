"""The names of a client in the decision API: its `number` as clientId, and its id as clientIdAlias."""

from typing import Any

from service.clients.registry import Registry
from service.config import Client
from service.decision_api.wire import Response


class ClientResponse(Response):
    """A response that names a client."""

    client_id: int | None = None
    client_id_alias: str | None = None
    client_id_alias_used: bool = False


def client_members(client: Client | None) -> dict[str, Any]:
    """Return the members of ClientResponse for `client`."""
    if client is None:
        return {}
    return {
        "client_id": client.number,
        "client_id_alias": client.id,
        "client_id_alias_used": client.id != str(client.number),
    }


def find_client(registry: Registry, identifier: int | str | None) -> Client | None:
    """Return the client with the number or id `identifier`, or None."""
    name = str(identifier or "")
    return registry.clients.find(name) or next(
        (client for client in registry.config.clients if client.number is not None and str(client.number) == name), None
    )
