"""What must be true between the settings: each rule yields (path, message)."""

import re
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import SplitResult, urlsplit

from service.config.parties import Client, Resource
from service.config.tables import Config

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?")
_DEFAULT_PORTS = {"https": 443, "http": 80, "": None}


def semantic_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield every broken rule of a configuration whose fields are well formed, as (path, message)."""
    yield from _issuer(config)
    yield from config.keys.problems()
    yield from ((f"memory.{path}", message) for path, message in config.memory.problems())
    yield from _lifetimes(config)
    yield from _endpoints(config)
    for n, network in enumerate(config.proxies.trusted):
        try:
            ip_network(network)
        except ValueError:
            yield f"proxies.trusted[{n}]", "is not an address or a network"
    yield from _repeated("resources", "identifier", [resource.identifier for resource in config.resources])
    yield from _repeated("clients", "id", [client.id for client in config.clients])
    identifiers = {resource.identifier for resource in config.resources}
    if config.default_resource and config.default_resource not in identifiers:
        yield "default_resource", f"no resource has the identifier {config.default_resource!r}"
    for n, resource in enumerate(config.resources):
        yield from _resource(f"resources[{n}]", resource, config)
    for n, client in enumerate(config.clients):
        yield from _client(f"clients[{n}]", client, config, identifiers)


def _split(text: str) -> SplitResult:
    """Return the parts of a URL: none of what is not one."""
    try:
        url = urlsplit(text)
        if re.fullmatch(r"[!-~]+", text) and url.port != 0:
            return url
    except ValueError:
        pass
    return urlsplit("")


def _issuer(config: Config) -> Iterator[tuple[str, str]]:
    url = _split(config.issuer)
    if not url.hostname or url.query or url.fragment or url.username is not None or config.issuer.endswith("/"):
        yield (
            "issuer",
            "must be a URL with a host and without query, fragment, user or final slash (RFC 8414 section 2)",
        )
    elif url.scheme == "http" and url.hostname not in LOOPBACK:
        yield "issuer", "http is for loopback; elsewhere the issuer is https"
    elif url.scheme not in ("http", "https"):
        yield "issuer", "must be an https URL"
    elif re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", url.path) is None:
        yield "issuer", "its path may have letters, digits, -, ., _ and ~"
    if config.demo and url.hostname not in LOOPBACK:
        yield "issuer", "a demo's issuer is on loopback"


def _lifetimes(config: Config) -> Iterator[tuple[str, str]]:
    keys, lifetimes = config.keys, config.lifetimes
    lives = {"lifetimes.access_token": lifetimes.access_token} | {
        f"resources[{n}].lifetime": resource.lifetime for n, resource in enumerate(config.resources)
    }
    for path, life in lives.items():
        if life > keys.sig_life:
            yield path, f"is longer than keys.sig_life ({keys.sig_life}): its key would be gone before it"
    for name in ("code", "refresh_idle", "refresh_absolute"):
        lives[f"lifetimes.{name}"] = getattr(lifetimes, name)
    for path, life in lives.items():
        if life > keys.bag_life:
            yield path, f"is longer than keys.bag_life ({keys.bag_life}): its key would be gone before it"


def _endpoints(config: Config) -> Iterator[tuple[str, str]]:
    paths = {name: getattr(config.endpoints, name) for name in config.endpoints.__struct_fields__}
    for name, path in paths.items():
        if path in ("/healthz", "/readyz") or path.startswith("/.well-known/"):
            yield f"endpoints.{name}", f"{path} is taken"
    for path, times in Counter(paths.values()).items():
        if times > 1:
            yield "endpoints", f"{path} is named {times} times"


def _repeated(table: str, field: str, values: list[str]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for n, value in enumerate(values):
        if value in seen:
            yield f"{table}[{n}].{field}", f"{value!r} is taken"
        seen.add(value)


def _resource(path: str, resource: Resource, config: Config) -> Iterator[tuple[str, str]]:
    url = _split(resource.identifier)
    if not url.scheme or "#" in resource.identifier:
        yield f"{path}.identifier", "must be an absolute URI without fragment (RFC 8707 section 2)"
    if resource.signing_alg and resource.signing_alg not in config.keys.signing_algs:
        yield f"{path}.signing_alg", f"{resource.signing_alg!r} is not one of keys.signing_algs"
    if resource.format == "jwe" and not resource.encryption_key:
        yield f"{path}.encryption_key", "format jwe needs the resource's public key"
    if resource.format != "jwe" and resource.encryption_key:
        yield f"{path}.encryption_key", "is for format jwe"


def _client(path: str, client: Client, config: Config, identifiers: set[str]) -> Iterator[tuple[str, str]]:
    if any(ord(character) < 0x20 or ord(character) > 0x7E for character in client.id):
        yield f"{path}.id", "must be printable ASCII (RFC 6749 appendix A.1)"
    for field in ("resources", "serves"):
        for n, identifier in enumerate(getattr(client, field)):
            if identifier not in identifiers:
                yield f"{path}.{field}[{n}]", f"no resource has the identifier {identifier!r}"
    if client.grants and not (client.resources or config.default_resource):
        yield f"{path}.resources", "names no resource, and there is no default_resource"
    for scope in set(client.default_scopes or ()) - set(client.scopes):
        yield f"{path}.default_scopes", f"{scope!r} is not among its scopes"
    if client.serves and client.public:
        yield f"{path}.serves", "introspection is for resource servers that prove who they are (RFC 7662 section 2.1)"
    if "client_credentials" in client.grants and client.public:
        yield f"{path}.grants", "client_credentials is for clients that can prove who they are (RFC 6749 section 4.4)"
    if "authorization_code" in client.grants and not client.redirect_uris:
        yield f"{path}.redirect_uris", "authorization_code needs one"
    if "authorization_code" in client.grants and client.public and not client.require_pkce:
        yield f"{path}.require_pkce", "a public client must use PKCE (RFC 9700 section 2.1.1)"
    uris = [("redirect_uris", client.redirect_uris), ("post_logout_redirect_uris", client.post_logout_redirect_uris)]
    for place, uri in [(f"{path}.{field}[{n}]", uri) for field, listed in uris for n, uri in enumerate(listed)]:
        url = _split(uri)
        if not url.scheme or "#" in uri or url.scheme in ("javascript", "data", "vbscript", "file"):
            yield place, "must be an absolute URI without fragment, of a scheme that can be followed"
        elif url.scheme == "http" and url.hostname not in LOOPBACK:
            yield place, "http is for loopback (RFC 8252 section 7.3)"
    for n, origin in enumerate(client.origins):
        url = _split(origin)
        if not _ORIGIN.fullmatch(origin) or url.port == _DEFAULT_PORTS.get(url.scheme):
            yield (
                f"{path}.origins[{n}]",
                "must be an origin as browsers send it: https://host or https://host:port, in lower case, without the "
                "default port and without a path",
            )
        elif url.scheme == "http" and url.hostname not in LOOPBACK:
            yield f"{path}.origins[{n}]", "http is for loopback"
