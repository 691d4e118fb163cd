"""What the decision API needs of the configuration; each rule yields (path, message)."""

from collections.abc import Iterator

from service.config.tables import Config


def api_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield every broken rule of the decision API, as (path, message)."""
    api = config.api
    if api.enabled and not api.keys:
        yield "api.keys", "needs one at least: its number is the service's id"
    keys = [key.key for key in api.keys]
    for n, key in enumerate(keys):
        if key in keys[:n]:
            yield f"api.keys[{n}].key", f"{key} is taken"
    if api.bind:
        host, _, port = api.bind.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            yield "api.bind", "must be host:port"
    for name in config.endpoints.__struct_fields__ if api.enabled else ():
        if f"{getattr(config.endpoints, name)}/".startswith(f"{api.path}/"):
            yield f"endpoints.{name}", "is below api.path"
    numbers: set[int] = set()
    for n, client in enumerate(config.clients):
        if client.number is not None and client.number in numbers:
            yield f"clients[{n}].number", f"{client.number} is taken"
        numbers.add(client.number or 0)
