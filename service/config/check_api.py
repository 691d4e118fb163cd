"""Rules of the decision API. Each rule yields (path, message)."""

from collections.abc import Iterator

from service.config.tables import Config


def api_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for every broken rule. The fields themselves are well formed already."""
    api = config.api
    if api.enabled and not api.keys:
        yield "api.keys", "the decision API needs at least one key: its number is the service id"
    keys = [key.key for key in api.keys]
    for n, key in enumerate(keys):
        if key in keys[:n]:
            yield f"api.keys[{n}].key", f"{key} is used twice"
    if api.bind:
        host, _, port = api.bind.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            yield "api.bind", "must be host:port"
    for name in config.endpoints.__struct_fields__ if api.enabled else ():
        if f"{getattr(config.endpoints, name)}/".startswith(f"{api.path}/"):
            yield f"endpoints.{name}", f"must not be below api.path ({api.path})"
    names = {client.id: n for n, client in enumerate(config.clients)}
    numbers: dict[int, int] = {}
    for n, client in enumerate(config.clients):
        number = client.number
        if number is not None and (numbers.setdefault(number, n), names.get(str(number), n)) != (n, n):
            yield f"clients[{n}].number", f"{number} is the number or the id of another client"
