"""What client authentication needs of the configuration (RFC 7591 section 2); each rule yields (path, message)."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from service.config.check import LOOPBACK
from service.config.parties import Client
from service.config.tables import Config

_BY_SECRET = {"client_secret_basic", "client_secret_post"}
_BY_KEY = {"private_key_jwt", "self_signed_tls_client_auth"}
_BY_CERTIFICATE = {"tls_client_auth", "self_signed_tls_client_auth"}


def client_auth_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield every broken rule of a configuration whose fields are well formed, as (path, message)."""
    proxies = config.proxies
    if proxies.certificate_header and not proxies.trusted:
        yield "proxies.trusted", "must name those whose proxies.certificate_header is to be believed"
    for n, client in enumerate(config.clients):
        path = f"clients[{n}]"
        yield from _secrets(path, client)
        yield from _keys(path, client, config)
        yield from _certificates(path, client, config)
        if not client.auth_methods:
            yield f"{path}.auth_methods", "must name at least one"
        if client.public and len(client.auth_methods) > 1:
            yield f"{path}.auth_methods", "none stands alone: a client that can prove who it is must"
        if "custom" in client.auth_methods and len(client.auth_methods) > 1:
            yield f"{path}.auth_methods", "custom stands alone: all that the client sends is for the hook to judge"
        if "custom" in client.auth_methods and not config.hooks.authenticate_client:
            yield f"{path}.auth_methods", "custom needs hooks.authenticate_client"


def client_auth_warnings(config: Config) -> Iterator[tuple[str, str]]:
    """Yield what is allowed and unwise, as (path, message)."""
    if config.proxies.authorities:
        return
    if all(any(method in client.auth_methods for client in config.clients) for method in _BY_CERTIFICATE):
        yield (
            "proxies.certificate_header",
            "self-signed certificates come through it for some clients and a CA's for others: the proxy must tell them "
            "apart, or anybody can sign a certificate with the name of a client of tls_client_auth",
        )


def _secrets(path: str, client: Client) -> Iterator[tuple[str, str]]:
    if _BY_SECRET.intersection(client.auth_methods) and not client.secrets:
        yield f"{path}.secrets", "a client that authenticates with a secret needs one (make client)"
    for n, secret in enumerate(client.secrets):
        if bool(secret.sha256) == bool(secret.argon2id):
            yield f"{path}.secrets[{n}]", "needs one of sha256 and argon2id"
    if "client_secret_jwt" in client.auth_methods and len(client.hmac_secret.encode()) < 32:
        yield f"{path}.hmac_secret", "client_secret_jwt needs at least 32 bytes (RFC 7518 section 3.2)"


def _keys(path: str, client: Client, config: Config) -> Iterator[tuple[str, str]]:
    if _BY_KEY.intersection(client.auth_methods) and not (client.jwks or client.jwks_uri):
        yield f"{path}.jwks", "its auth_methods need its public keys: jwks or jwks_uri"
    if client.jwks and client.jwks_uri:
        yield f"{path}.jwks_uri", "jwks is there too: one of the two (RFC 7591 section 2)"
    if client.jwks_uri and not fetchable(client.jwks_uri, config):
        yield f"{path}.jwks_uri", "must be an https URL; http is for loopback, where the issuer is there too"


def _certificates(path: str, client: Client, config: Config) -> Iterator[tuple[str, str]]:
    methods = _BY_CERTIFICATE.intersection(client.auth_methods)
    names = [name for name in client.__struct_fields__ if name.startswith("tls_client_auth_") and getattr(client, name)]
    if "tls_client_auth" in methods and len(names) != 1:
        yield f"{path}.auth_methods", "tls_client_auth needs exactly one of the tls_client_auth_… names"
    if len(methods) > 1:
        yield (
            f"{path}.auth_methods",
            "one of tls_client_auth and self_signed_tls_client_auth: both read the certificate",
        )
    needy = {f"{path}.auth_methods": bool(methods)}
    needy[f"{path}.tls_client_certificate_bound_access_tokens"] = client.tls_client_certificate_bound_access_tokens
    for setting, needs in needy.items():
        if needs and not (config.proxies.certificate_header or config.api.enabled):
            yield setting, "needs proxies.certificate_header, or the decision API: nothing else brings a certificate"


def fetchable(uri: str, config: Config) -> bool:
    """Tell whether keys may be fetched from `uri`: https, or in development http on loopback."""
    try:
        url, port = urlsplit(uri), urlsplit(uri).port
    except ValueError:
        return False
    if not uri.isascii() or not url.hostname or url.username is not None or url.fragment or port == 0:
        return False
    development = urlsplit(config.issuer).hostname in LOOPBACK
    return url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK and development)
