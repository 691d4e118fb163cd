"""What the grants need of the configuration: users, issuers and exchange rules; each rule yields (path, message)."""

from collections.abc import Iterator

from service.config.check_client_auth import fetchable
from service.config.parties import Exchange, Issuer
from service.config.tables import Config

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


def grant_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield every broken rule of a configuration whose fields are well formed, as (path, message)."""
    yield from _users(config)
    yield from _devices(config)
    issuers = set()
    for n, issuer in enumerate(config.issuers):
        if issuer.issuer in issuers:
            yield f"issuers[{n}].issuer", f"{issuer.issuer!r} is taken"
        issuers.add(issuer.issuer)
        yield from _issuer(f"issuers[{n}]", issuer, config)
    for n, exchange in enumerate(config.exchanges):
        yield from _exchange(f"exchanges[{n}]", exchange, config)


def grant_warnings(config: Config) -> Iterator[tuple[str, str]]:
    """Yield what is allowed and unwise, as (path, message)."""
    for n, client in enumerate(config.clients):
        if "password" in client.grants:
            yield f"clients[{n}].grants", "password shows the client its users' passwords (RFC 9700 section 2.4)"
        if TOKEN_EXCHANGE in client.grants and not any(client.id in rule.clients for rule in config.exchanges):
            yield f"clients[{n}].grants", "no rule in exchanges is for this client: it can exchange nothing"


def _devices(config: Config) -> Iterator[tuple[str, str]]:
    hooks = config.hooks
    people = config.users.known or hooks.authenticate_user or hooks.object or config.login.url
    for n, client in enumerate(config.clients):
        if DEVICE_CODE in client.grants and config.memory.kind == "none":
            yield f"clients[{n}].grants", "the device flow needs a memory: what a person answers passes through it"
        if DEVICE_CODE in client.grants and not people:
            yield f"clients[{n}].grants", "the device flow needs people: users, hooks.authenticate_user or login.url"


def _users(config: Config) -> Iterator[tuple[str, str]]:
    known, hook = config.users.known, config.hooks.authenticate_user
    if known and hook:
        yield "hooks.authenticate_user", "there are users in the configuration too: one of the two"
    clients = {client.id for client in config.clients}
    ids: set[str] = set()
    names: set[str] = set()
    for n, user in enumerate(known):
        if user.id in clients:
            yield f"users.known[{n}].id", f"{user.id!r} is the id of a client, whose tokens would look the same"
        if user.id in ids:
            yield f"users.known[{n}].id", f"{user.id!r} is taken"
        if (user.name or user.id) in names:
            yield f"users.known[{n}].name", f"{user.name or user.id!r} is taken"
        ids.add(user.id)
        names.add(user.name or user.id)
    for n, client in enumerate(config.clients):
        if "password" in client.grants and not known and not hook and not config.hooks.object:
            yield f"clients[{n}].grants", "password needs users: users.file or hooks.authenticate_user"


def _issuer(path: str, issuer: Issuer, config: Config) -> Iterator[tuple[str, str]]:
    if issuer.issuer == config.issuer:
        yield f"{path}.issuer", "is our own: the tokens that we issue are known without it"
    if "#" in issuer.issuer:
        yield f"{path}.issuer", "must have no fragment"
    if not issuer.uses:
        yield f"{path}.uses", "must name at least one"
    if bool(issuer.jwks) == bool(issuer.jwks_uri):
        yield f"{path}.jwks", "needs one of jwks and jwks_uri"
    if issuer.jwks_uri and not fetchable(issuer.jwks_uri, config):
        yield f"{path}.jwks_uri", "must be an https URL; http is for loopback, where the issuer is there too"
    yield from _clients(path, issuer.clients, config)


def _exchange(path: str, exchange: Exchange, config: Config) -> Iterator[tuple[str, str]]:
    yield from _clients(path, exchange.clients, config)
    registered = {client.id: client for client in config.clients}
    for n, client_id in enumerate(exchange.clients):
        client = registered.get(client_id)
        if client is not None and client.public:
            yield f"{path}.clients[{n}]", "cannot prove who it is, so whoever finds a token could exchange it"
        elif client is not None and TOKEN_EXCHANGE not in client.grants:
            yield f"{path}.clients[{n}]", f"{client_id!r} has not the grant {TOKEN_EXCHANGE}"
    identifiers = {resource.identifier for resource in config.resources}
    for n, identifier in enumerate(exchange.audiences):
        if identifier not in identifiers:
            yield f"{path}.audiences[{n}]", f"no resource has the identifier {identifier!r}"
    issuers = {issuer.issuer for issuer in config.issuers if "token_exchange" in issuer.uses} | {config.issuer}
    for n, iss in enumerate(exchange.subjects):
        if iss not in issuers:
            yield f"{path}.subjects[{n}]", f"no issuer {iss!r} has the use token_exchange"
    if not exchange.impersonation and not exchange.delegation:
        yield path, "allows nothing: neither impersonation nor delegation"


def _clients(path: str, ids: tuple[str, ...], config: Config) -> Iterator[tuple[str, str]]:
    registered = {client.id for client in config.clients}
    for n, client_id in enumerate(ids):
        if client_id not in registered:
            yield f"{path}.clients[{n}]", f"no client has the id {client_id!r}"
