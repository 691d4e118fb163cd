"""Rules of the authorization endpoint, login and consent. Each rule yields (path, message)."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from service.config.check_client_auth import NOT_FETCHABLE, fetchable
from service.config.front import DetailType
from service.config.parties import Client
from service.config.tables import Config

ANSWER = frozenset({"code", "state", "iss", "error", "error_description"})
"""Parameters of an authorization response (RFC 6749 section 4.1.2, RFC 9207 section 2)."""

_BELOW = {"authorize": ("/login", "/consent"), "ticket": ("/issue", "/fail"), "logout": ("/confirm",)}


def front_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for every broken rule. The fields themselves are well formed already."""
    yield from _endpoints(config)
    yield from _lifetimes(config)
    yield from _login(config)
    if config.pages.logo and not fetchable(config.pages.logo, config):
        yield "pages.logo", NOT_FETCHABLE
    if config.pages.templates and not _is_directory(config.pages.templates):
        yield "pages.templates", "is not a directory"
    for n, resource in enumerate(config.resources):
        for scope in resource.titles.keys() - set(resource.scopes):
            yield f"resources[{n}].titles", f"{scope!r} is not one of the resource's scopes"
    types: set[str] = set()
    for n, kind in enumerate(config.detail_types):
        if kind.type in types:
            yield f"detail_types[{n}].type", f"{kind.type!r} is used twice"
        types.add(kind.type)
        yield from _detail_type(f"detail_types[{n}]", kind)
    for n, client in enumerate(config.clients):
        yield from _client(f"clients[{n}]", client, types)


def front_warnings(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for settings that are allowed but risky."""
    people = config.users.known or config.hooks.authenticate_user or config.hooks.object
    for n, client in enumerate(config.clients):
        if "authorization_code" in client.grants and not (people or config.login.url):
            yield (
                f"clients[{n}].grants",
                "nobody can log in for authorization_code: set users, hooks.authenticate_user or login.url",
            )
        if client.public and client.consent == "implicit":
            yield (
                f"clients[{n}].consent",
                "any program can act as this public client, and users would get no consent page (RFC 8252 section 8.6)",
            )


def _endpoints(config: Config) -> Iterator[tuple[str, str]]:
    paths = {getattr(config.endpoints, name): name for name in config.endpoints.__struct_fields__}
    for name, pages in _BELOW.items():
        for page in pages:
            path = getattr(config.endpoints, name) + page
            if path in paths:
                yield f"endpoints.{paths[path]}", f"{path} is reserved: it is a page below endpoints.{name}"


def _lifetimes(config: Config) -> Iterator[tuple[str, str]]:
    keys = config.keys
    for name in ("pushed_request", "login", "session", "device_code"):
        if getattr(config.lifetimes, name) > keys.bag_life:
            yield (
                f"lifetimes.{name}",
                f"is longer than keys.bag_life ({keys.bag_life}): the bag would outlive its encryption key",
            )
    if config.lifetimes.id_token > keys.sig_life:
        yield (
            "lifetimes.id_token",
            f"is longer than keys.sig_life ({keys.sig_life}): the token would outlive its signing key",
        )


def _login(config: Config) -> Iterator[tuple[str, str]]:
    login = config.login
    if bool(login.url) != bool(login.client):
        yield "login", "url and client must be set together"
    if login.url and not fetchable(login.url, config):
        yield "login.url", NOT_FETCHABLE
    elif urlsplit(login.url).query:
        yield "login.url", "must have no query"
    client = next((client for client in config.clients if client.id == login.client), None)
    if login.client and client is None:
        yield "login.client", f"no client has the id {login.client!r}"
    elif client is not None and client.public:
        yield "login.client", "must be a confidential client: it decides who has logged in"


def _detail_type(path: str, kind: DetailType) -> Iterator[tuple[str, str]]:
    if "type" in kind.members:
        yield f"{path}.members", "must not contain 'type', which every element has"
    for member in sorted(set(kind.required) - set(kind.members)):
        yield f"{path}.required", f"{member!r} is not one of the members"


def _client(path: str, client: Client, types: set[str]) -> Iterator[tuple[str, str]]:
    for n, name in enumerate(client.authorization_details_types):
        if name not in types:
            yield f"{path}.authorization_details_types[{n}]", f"no entry of detail_types has the type {name!r}"
    if client.require_signed_request_object and not (client.jwks or client.jwks_uri):
        yield f"{path}.require_signed_request_object", "needs the client's public keys: set jwks or jwks_uri"
    for n, uri in enumerate(client.redirect_uris):
        try:
            query = urlsplit(uri).query
        except ValueError:  # not a URL: semantic_problems reports it
            continue
        for name in sorted(ANSWER & {name for name, _ in parse_qsl(query, keep_blank_values=True)}):
            yield f"{path}.redirect_uris[{n}]", f"must not have {name!r} in its query: the response adds this parameter"


def _is_directory(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:  # the name is too long, for example
        return False
