"""What the authorization endpoint and its pages need of the configuration; each rule yields (path, message)."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from service.config.check_client_auth import fetchable
from service.config.front import DetailType
from service.config.parties import Client
from service.config.tables import Config

ANSWER = frozenset({"code", "state", "iss", "error", "error_description"})
"""Parameters of an authorization response (RFC 6749 section 4.1.2, RFC 9207 section 2)."""

_BELOW = {"authorize": ("/login", "/consent"), "ticket": ("/issue", "/fail"), "logout": ("/confirm",)}


def front_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield every broken rule of a configuration whose fields are well formed, as (path, message)."""
    yield from _endpoints(config)
    yield from _lifetimes(config)
    yield from _login(config)
    if config.pages.logo and not fetchable(config.pages.logo, config):
        yield "pages.logo", "must be an https URL; http is for loopback, where the issuer is there too"
    if config.pages.templates and not Path(config.pages.templates).is_dir():
        yield "pages.templates", "is not a directory"
    for n, resource in enumerate(config.resources):
        for scope in resource.titles.keys() - set(resource.scopes):
            yield f"resources[{n}].titles", f"{scope!r} is not among its scopes"
    types: set[str] = set()
    for n, kind in enumerate(config.detail_types):
        if kind.type in types:
            yield f"detail_types[{n}].type", f"{kind.type!r} is taken"
        types.add(kind.type)
        yield from _detail_type(f"detail_types[{n}]", kind)
    for n, client in enumerate(config.clients):
        yield from _client(f"clients[{n}]", client, types)


def front_warnings(config: Config) -> Iterator[tuple[str, str]]:
    """Yield what is allowed and unwise, as (path, message)."""
    people = config.users.known or config.hooks.authenticate_user or config.hooks.object
    for n, client in enumerate(config.clients):
        if "authorization_code" in client.grants and not (people or config.login.url):
            yield f"clients[{n}].grants", "authorization_code needs people: users, hooks.authenticate_user or login.url"
        if client.public and client.consent == "implicit":
            yield (
                f"clients[{n}].consent",
                "anybody can ask in the name of a public client, and nobody would be asked (RFC 8252 section 8.6)",
            )


def _endpoints(config: Config) -> Iterator[tuple[str, str]]:
    paths = {getattr(config.endpoints, name): name for name in config.endpoints.__struct_fields__}
    for name, pages in _BELOW.items():
        for page in pages:
            path = getattr(config.endpoints, name) + page
            if path in paths:
                yield f"endpoints.{paths[path]}", f"{path} is taken: it is below endpoints.{name}"


def _lifetimes(config: Config) -> Iterator[tuple[str, str]]:
    keys = config.keys
    for name in ("pushed_request", "login", "session", "device_code"):
        if getattr(config.lifetimes, name) > keys.bag_life:
            yield (
                f"lifetimes.{name}",
                f"is longer than keys.bag_life ({keys.bag_life}): its key would be gone before it",
            )
    if config.lifetimes.id_token > keys.sig_life:
        yield (
            "lifetimes.id_token",
            f"is longer than keys.sig_life ({keys.sig_life}): its key would be gone before it",
        )


def _login(config: Config) -> Iterator[tuple[str, str]]:
    login = config.login
    if bool(login.url) != bool(login.client):
        yield "login", "url and client go together"
    if login.url and (not fetchable(login.url, config) or urlsplit(login.url).query):
        yield "login.url", "must be an https URL without a query; http is for loopback, where the issuer is there too"
    client = next((client for client in config.clients if client.id == login.client), None)
    if login.client and client is None:
        yield "login.client", f"no client has the id {login.client!r}"
    elif client is not None and client.public:
        yield "login.client", "must be a client that can prove who it is: it says who has logged in"


def _detail_type(path: str, kind: DetailType) -> Iterator[tuple[str, str]]:
    if "type" in kind.members:
        yield f"{path}.members", "every element has its type: it is not named here"
    for member in sorted(set(kind.required) - set(kind.members)):
        yield f"{path}.required", f"{member!r} is not among its members"


def _client(path: str, client: Client, types: set[str]) -> Iterator[tuple[str, str]]:
    for n, name in enumerate(client.authorization_details_types):
        if name not in types:
            yield f"{path}.authorization_details_types[{n}]", f"no detail_types entry has the type {name!r}"
    if client.require_signed_request_object and not (client.jwks or client.jwks_uri):
        yield f"{path}.require_signed_request_object", "needs the client's public keys: jwks or jwks_uri"
    for n, uri in enumerate(client.redirect_uris):
        try:
            query = urlsplit(uri).query
        except ValueError:  # not a URL: said already
            continue
        for name in sorted(ANSWER & {name for name, _ in parse_qsl(query, keep_blank_values=True)}):
            yield f"{path}.redirect_uris[{n}]", f"{name} is a parameter of the answer, and would be there twice"
