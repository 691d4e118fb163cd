"""Rules of users, trusted issuers, token exchange and the device flow. Each rule yields (path, message)."""

from collections.abc import Iterator

from service.config.check_client_auth import NOT_FETCHABLE, fetchable
from service.config.parties import Exchange, Issuer
from service.config.tables import Config

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


def grant_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for every broken rule. The fields themselves are well formed already."""
    yield from _users(config)
    yield from _devices(config)
    issuers = set()
    for n, issuer in enumerate(config.issuers):
        if issuer.issuer in issuers:
            yield f"issuers[{n}].issuer", f"{issuer.issuer!r} is used twice"
        issuers.add(issuer.issuer)
        yield from _issuer(f"issuers[{n}]", issuer, config)
    for n, exchange in enumerate(config.exchanges):
        yield from _exchange(f"exchanges[{n}]", exchange, config)


def grant_warnings(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for settings that are allowed but risky or without effect."""
    for n, client in enumerate(config.clients):
        if "password" in client.grants:
            yield f"clients[{n}].grants", "password gives the client its users' passwords (RFC 9700 section 2.4)"
        if TOKEN_EXCHANGE in client.grants and not any(client.id in rule.clients for rule in config.exchanges):
            yield f"clients[{n}].grants", "token exchange has no effect: no rule in exchanges names this client"


def _devices(config: Config) -> Iterator[tuple[str, str]]:
    hooks = config.hooks
    people = config.users.known or hooks.authenticate_user or hooks.object or config.login.url
    for n, client in enumerate(config.clients):
        if DEVICE_CODE in client.grants and config.memory.kind == "none":
            yield (
                f"clients[{n}].grants",
                'the device flow stores approvals in the memory: memory.kind must not be "none"',
            )
        if DEVICE_CODE in client.grants and not people:
            yield (
                f"clients[{n}].grants",
                "nobody can log in for the device flow: set users, hooks.authenticate_user or login.url",
            )


def _users(config: Config) -> Iterator[tuple[str, str]]:
    known, hook = config.users.known, config.hooks.authenticate_user
    if known and hook:
        yield "hooks.authenticate_user", "excludes users.known and users.file: set one of the two"
    clients = {client.id for client in config.clients}
    ids: set[str] = set()
    names: set[str] = set()
    for n, user in enumerate(known):
        if user.id in clients:
            yield (
                f"users.known[{n}].id",
                f"{user.id!r} is also the id of a client: their tokens would have the same sub",
            )
        if user.id in ids:
            yield f"users.known[{n}].id", f"{user.id!r} is used twice"
        if (user.name or user.id) in names:
            yield f"users.known[{n}].name", f"{user.name or user.id!r} is used twice"
        ids.add(user.id)
        names.add(user.name or user.id)
    for n, client in enumerate(config.clients):
        if "password" in client.grants and not known and not hook and not config.hooks.object:
            yield f"clients[{n}].grants", "nobody can log in with a password: set users or hooks.authenticate_user"


def _issuer(path: str, issuer: Issuer, config: Config) -> Iterator[tuple[str, str]]:
    if issuer.issuer == config.issuer:
        yield f"{path}.issuer", "is the issuer of this service, whose own tokens need no entry"
    if "#" in issuer.issuer:
        yield f"{path}.issuer", "must have no fragment"
    if not issuer.uses:
        yield f"{path}.uses", "must name at least one"
    if bool(issuer.jwks) == bool(issuer.jwks_uri):
        yield f"{path}.jwks", "needs exactly one of jwks and jwks_uri"
    if issuer.jwks_uri and not fetchable(issuer.jwks_uri, config):
        yield f"{path}.jwks_uri", NOT_FETCHABLE
    yield from _clients(path, issuer.clients, config)


def _exchange(path: str, exchange: Exchange, config: Config) -> Iterator[tuple[str, str]]:
    yield from _clients(path, exchange.clients, config)
    registered = {client.id: client for client in config.clients}
    for n, client_id in enumerate(exchange.clients):
        client = registered.get(client_id)
        if client is not None and client.public:
            yield f"{path}.clients[{n}]", "must be a confidential client: a thief of a token could act as a public one"
        elif client is not None and TOKEN_EXCHANGE not in client.grants:
            yield f"{path}.clients[{n}]", f"client {client_id!r} does not have the grant {TOKEN_EXCHANGE}"
    identifiers = {resource.identifier for resource in config.resources}
    for n, identifier in enumerate(exchange.audiences):
        if identifier not in identifiers:
            yield f"{path}.audiences[{n}]", f"no resource has the identifier {identifier!r}"
    issuers = {issuer.issuer for issuer in config.issuers if "token_exchange" in issuer.uses} | {config.issuer}
    for n, iss in enumerate(exchange.subjects):
        if iss not in issuers:
            yield f"{path}.subjects[{n}]", f"no issuer {iss!r} has the use token_exchange"
    if not exchange.impersonation and not exchange.delegation:
        yield path, "allows nothing: set impersonation or delegation to true"


def _clients(path: str, ids: tuple[str, ...], config: Config) -> Iterator[tuple[str, str]]:
    registered = {client.id for client in config.clients}
    for n, client_id in enumerate(ids):
        if client_id not in registered:
            yield f"{path}.clients[{n}]", f"no client has the id {client_id!r}"
