"""What the decision API calls a client: by its number if it has one, and by its id, which is the alias of that."""

from typing import Any

from service.clients.registry import Registry
from service.config import Client
from service.decision_api.wire import Response


class Known(Response):
    """An answer that names a client."""

    client_id: int | None = None
    client_id_alias: str | None = None
    client_id_alias_used: bool = False


def client_members(client: Client | None) -> dict[str, Any]:
    """Return the members of Known."""
    if client is None:
        return {}
    return {
        "client_id": client.number,
        "client_id_alias": client.id,
        "client_id_alias_used": client.id != str(client.number),
    }


def find_client(registry: Registry, identifier: int | str | None) -> Client | None:
    """Return the client that a caller names by number, or by id."""
    name = str(identifier or "")
    return registry.clients.find(name) or next(
        (client for client in registry.config.clients if client.number is not None and str(client.number) == name), None
    )
