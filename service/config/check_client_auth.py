"""Rules of client authentication (RFC 7591 section 2). Each rule yields (path, message)."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from service.config.check import LOOPBACK
from service.config.parties import Client
from service.config.tables import Config

_BY_SECRET = {"client_secret_basic", "client_secret_post"}
_BY_KEY = {"private_key_jwt", "self_signed_tls_client_auth"}
_BY_CERTIFICATE = {"tls_client_auth", "self_signed_tls_client_auth"}

NOT_FETCHABLE = "must be an https URL; http is allowed only if both this URL and the issuer are on loopback hosts"


def client_auth_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for every broken rule. The fields themselves are well formed already."""
    proxies = config.proxies
    if proxies.certificate_header and not proxies.trusted:
        yield "proxies.trusted", "must list the proxies that may send proxies.certificate_header"
    for n, client in enumerate(config.clients):
        path = f"clients[{n}]"
        yield from _secrets(path, client)
        yield from _keys(path, client, config)
        yield from _certificates(path, client, config)
        if not client.auth_methods:
            yield f"{path}.auth_methods", "must name at least one"
        if client.public and len(client.auth_methods) > 1:
            yield f"{path}.auth_methods", '"none" excludes other methods: a client with a credential must use it'
        if "custom" in client.auth_methods and len(client.auth_methods) > 1:
            yield f"{path}.auth_methods", '"custom" excludes other methods: the hook judges all that the client sends'
        if "custom" in client.auth_methods and not config.hooks.authenticate_client:
            yield f"{path}.auth_methods", '"custom" needs hooks.authenticate_client'


def client_auth_warnings(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for settings that are allowed but risky."""
    if config.proxies.authorities:
        return
    if all(any(method in client.auth_methods for client in config.clients) for method in _BY_CERTIFICATE):
        yield (
            "proxies.certificate_header",
            "some clients use self_signed_tls_client_auth and others tls_client_auth: set proxies.authorities, or have "
            "the proxy verify the chain for the latter; otherwise anybody can make a certificate with their names",
        )


def _secrets(path: str, client: Client) -> Iterator[tuple[str, str]]:
    if _BY_SECRET.intersection(client.auth_methods) and not client.secrets:
        yield f"{path}.secrets", "auth_methods needs a secret; `make client` generates one"
    for n, secret in enumerate(client.secrets):
        if bool(secret.sha256) == bool(secret.argon2id):
            yield f"{path}.secrets[{n}]", "needs exactly one of sha256 and argon2id"
    if "client_secret_jwt" in client.auth_methods and len(client.hmac_secret.encode()) < 32:
        yield f"{path}.hmac_secret", "client_secret_jwt needs at least 32 bytes (RFC 7518 section 3.2)"


def _keys(path: str, client: Client, config: Config) -> Iterator[tuple[str, str]]:
    if _BY_KEY.intersection(client.auth_methods) and not (client.jwks or client.jwks_uri):
        yield f"{path}.jwks", "auth_methods needs the client's public keys: set jwks or jwks_uri"
    if client.jwks and client.jwks_uri:
        yield f"{path}.jwks_uri", "excludes jwks: set one of the two (RFC 7591 section 2)"
    if client.jwks_uri and not fetchable(client.jwks_uri, config):
        yield f"{path}.jwks_uri", NOT_FETCHABLE


def _certificates(path: str, client: Client, config: Config) -> Iterator[tuple[str, str]]:
    methods = _BY_CERTIFICATE.intersection(client.auth_methods)
    names = [name for name in client.__struct_fields__ if name.startswith("tls_client_auth_") and getattr(client, name)]
    if "tls_client_auth" in methods and len(names) != 1:
        yield f"{path}.auth_methods", "tls_client_auth needs exactly one of the settings tls_client_auth_…"
    if len(methods) > 1:
        yield (
            f"{path}.auth_methods",
            "tls_client_auth and self_signed_tls_client_auth exclude each other: both read the same certificate",
        )
    needy = {f"{path}.auth_methods": bool(methods)}
    needy[f"{path}.tls_client_certificate_bound_access_tokens"] = client.tls_client_certificate_bound_access_tokens
    for setting, needs in needy.items():
        if needs and not (config.proxies.certificate_header or config.api.enabled):
            yield setting, "needs a client certificate: set proxies.certificate_header or enable the decision API"


def fetchable(uri: str, config: Config) -> bool:
    """Return whether `uri` is a URL that the service may fetch: https, or http on loopback if the issuer is there."""
    try:
        url, port = urlsplit(uri), urlsplit(uri).port
    except ValueError:
        return False
    if not uri.isascii() or not url.hostname or url.username is not None or url.fragment or port == 0:
        return False
    development = urlsplit(config.issuer).hostname in LOOPBACK
    return url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK and development)
