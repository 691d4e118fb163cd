"""Rules between settings: issuer, lifetimes, endpoints, resources, clients. Each rule yields (path, message)."""

import re
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import SplitResult, urlsplit

from satchel_jose.algorithms import ALGORITHMS
from service.config.parties import Client, Resource
from service.config.tables import Config

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?")
_DEFAULT_PORTS = {"https": 443, "http": 80, "": None}


def semantic_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for every broken rule. The fields themselves are well formed already."""
    yield from _issuer(config)
    yield from config.keys.problems()
    yield from ((f"memory.{path}", message) for path, message in config.memory.problems())
    yield from _lifetimes(config)
    yield from _endpoints(config)
    for n, network in enumerate(config.proxies.trusted):
        try:
            ip_network(network)
        except ValueError:
            yield f"proxies.trusted[{n}]", "must be an IP address or a network, such as 10.0.0.0/8 (without host bits)"
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
    """Return the parts of the URL `text`; all parts are empty if `text` is not a URL."""
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
        yield "issuer", "must be an https URL; http is allowed on loopback hosts only"
    elif url.scheme not in ("http", "https"):
        yield "issuer", "must be an https URL"
    elif re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", url.path) is None:
        yield "issuer", "segments of its path may contain letters, digits, -, ., _ and ~ only"
    if config.demo and url.hostname not in LOOPBACK:
        yield "issuer", "must be on a loopback host, because demo = true"


def _lifetimes(config: Config) -> Iterator[tuple[str, str]]:
    keys, lifetimes = config.keys, config.lifetimes
    lives = {"lifetimes.access_token": lifetimes.access_token} | {
        f"resources[{n}].lifetime": resource.lifetime for n, resource in enumerate(config.resources)
    }
    for path, life in lives.items():
        if life > keys.sig_life:
            yield path, f"is longer than keys.sig_life ({keys.sig_life}): the token would outlive its signing key"
    for name in ("code", "refresh_idle", "refresh_absolute"):
        lives[f"lifetimes.{name}"] = getattr(lifetimes, name)
    for path, life in lives.items():
        if life > keys.bag_life:
            yield path, f"is longer than keys.bag_life ({keys.bag_life}): the token would outlive its encryption key"


def _endpoints(config: Config) -> Iterator[tuple[str, str]]:
    paths = {name: getattr(config.endpoints, name) for name in config.endpoints.__struct_fields__}
    for name, path in paths.items():
        if path in ("/healthz", "/readyz") or path.startswith("/.well-known/"):
            yield f"endpoints.{name}", f"{path} is reserved"
    for path, times in Counter(paths.values()).items():
        if times > 1:
            yield "endpoints", f"{times} endpoints have the path {path}"


def _repeated(table: str, field: str, values: list[str]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for n, value in enumerate(values):
        if value in seen:
            yield f"{table}[{n}].{field}", f"{value!r} is used twice"
        seen.add(value)


def _resource(path: str, resource: Resource, config: Config) -> Iterator[tuple[str, str]]:
    url = _split(resource.identifier)
    if not url.scheme or "#" in resource.identifier:
        yield f"{path}.identifier", "must be an absolute URI without fragment (RFC 8707 section 2)"
    if resource.signing_alg and resource.signing_alg not in config.keys.signing_algs:
        yield f"{path}.signing_alg", f"{resource.signing_alg!r} is not one of keys.signing_algs"
    row = ALGORITHMS.get(resource.signing_alg or next(iter(config.keys.signing_algs), ""))
    if resource.format == "jwe" and row is not None and not row.in_jwe:
        yield f"{path}.signing_alg", f'format "jwe" makes tokens with {row.names[0]} longer than a header field may be'
    if resource.format == "jwe" and not resource.encryption_key:
        yield f"{path}.encryption_key", 'format "jwe" needs the public key of the resource server'
    if resource.format != "jwe" and resource.encryption_key:
        yield f"{path}.encryption_key", 'is used with format "jwe" only'


def _client(path: str, client: Client, config: Config, identifiers: set[str]) -> Iterator[tuple[str, str]]:
    if any(ord(character) < 0x20 or ord(character) > 0x7E for character in client.id):
        yield f"{path}.id", "must be printable ASCII (RFC 6749 appendix A.1)"
    for field in ("resources", "serves"):
        for n, identifier in enumerate(getattr(client, field)):
            if identifier not in identifiers:
                yield f"{path}.{field}[{n}]", f"no resource has the identifier {identifier!r}"
    if client.grants and not (client.resources or config.default_resource):
        yield f"{path}.resources", "must name a resource, because there is no default_resource"
    for scope in set(client.default_scopes or ()) - set(client.scopes):
        yield f"{path}.default_scopes", f"{scope!r} is not one of the client's scopes"
    if client.serves and client.public:
        yield f"{path}.serves", "introspection needs a confidential client (RFC 7662 section 2.1)"
    if "client_credentials" in client.grants and client.public:
        yield f"{path}.grants", "client_credentials needs a confidential client (RFC 6749 section 4.4)"
    if "authorization_code" in client.grants and not client.redirect_uris:
        yield f"{path}.redirect_uris", "the grant authorization_code needs at least one"
    if "authorization_code" in client.grants and client.public and not client.require_pkce:
        yield f"{path}.require_pkce", "a public client must use PKCE (RFC 9700 section 2.1.1)"
    uris = [("redirect_uris", client.redirect_uris), ("post_logout_redirect_uris", client.post_logout_redirect_uris)]
    for place, uri in [(f"{path}.{field}[{n}]", uri) for field, listed in uris for n, uri in enumerate(listed)]:
        url = _split(uri)
        if not url.scheme or "#" in uri or url.scheme in ("javascript", "data", "vbscript", "file"):
            yield place, "must be an absolute URI without fragment, and not javascript:, data:, vbscript: or file:"
        elif url.scheme in ("http", "https") and not url.hostname:
            yield place, "must have a host"
        elif url.username is not None or "\\" in uri or "*" in url.netloc:
            yield place, "must not have a user, a backslash or a wildcard: redirect URIs are compared as they are"
        elif url.scheme == "http" and url.hostname not in LOOPBACK:
            yield place, "must be an https URL; http is allowed on loopback hosts only (RFC 8252 section 7.3)"
    for n, origin in enumerate(client.origins):
        url = _split(origin)
        if not _ORIGIN.fullmatch(origin) or url.port == _DEFAULT_PORTS.get(url.scheme):
            yield (
                f"{path}.origins[{n}]",
                "must be an origin as browsers send it: scheme://host or scheme://host:port, in lower case, without "
                "the default port and without a path",
            )
        elif url.scheme == "http" and url.hostname not in LOOPBACK:
            yield f"{path}.origins[{n}]", "must be an https origin; http is allowed on loopback hosts only"
