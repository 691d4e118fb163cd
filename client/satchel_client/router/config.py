"""The configuration of the router: one TOML file. Unknown settings are refused."""

import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from satchel_client.client_auth import ClientAuth, client_auth
from satchel_client.errors import ClientError
from satchel_client.http import is_private
from satchel_client.renewal import RenewalSettings
from satchel_client.signing import SigningKey

OWN_PATHS = ("/healthz", "/metrics")


class TLS(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PEM files: certificate authorities instead of those of the system, and a client certificate with its key."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None

    def context(self) -> ssl.SSLContext:
        """Return the TLS settings for connections.

        Raises:
            ClientError: a file cannot be read.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
        except OSError as failure:  # SSLError is a subclass
            raise ClientError(f"a TLS file cannot be used: {failure}") from None
        return context


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An authorization server, and the client as which the router authenticates there."""

    client_id: str
    issuer: str = ""
    token_endpoint: str = ""
    method: str = "client_secret_basic"
    secret_env: str | None = None
    secret_file: str | None = None
    key_file: str | None = None
    alg: str | None = None
    kid: str | None = None
    parameters: dict[str, str] = {}
    """Further parameters of token requests, such as `audience`."""
    tls: TLS = TLS()
    insecure: bool = False
    """Whether plain http to other hosts is allowed."""
    token_renew_before_expired: float = 60.0
    early_refresh_retry_delay: float = 4.0
    expired_refresh_retry_delay: float = 2.0
    cache_capacity: int = 200

    def auth(self) -> ClientAuth:
        """Return the method of client authentication, with its credentials.

        Raises:
            ClientError: the method is unknown, or its secret or key cannot be read.
        """
        key = None if self.key_file is None else SigningKey.from_pem(_read(self.key_file), self.alg, self.kid)
        secret = None if self.secret_file is None else _read(self.secret_file).decode().strip()
        if self.secret_env is not None:
            secret = os.environ.get(self.secret_env)
        return client_auth(self.method, self.client_id, secret=secret, key=key)

    def settings(self) -> RenewalSettings:
        """Return the settings of token renewal."""
        return RenewalSettings(
            self.token_renew_before_expired,
            self.early_refresh_retry_delay,
            self.expired_refresh_retry_delay,
            self.cache_capacity,
        )


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The target of requests whose path is `prefix` or below it, and the token that they get."""

    prefix: str
    target: str
    server: str
    scope: str | None = None
    resource: str | None = None
    strip_prefix: bool = False
    tls: TLS = TLS()
    insecure: bool = False
    """Whether plain http to other hosts is allowed."""


class Listen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The address of the router. Every caller uses its tokens, so by default only this host can reach it."""

    host: str = "127.0.0.1"
    port: int = 8090
    workers: int = 1
    exposed: bool = False
    """Whether `host` may be an address other than loopback."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. Times are in seconds."""

    servers: dict[str, Server]
    routes: tuple[Route, ...]
    listen: Listen = Listen()
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    """The longest time without data from a target."""


def load(file: Path) -> Config:
    """Read and check the configuration.

    Raises:
        ClientError: the configuration has problems; the text has one per line.
    """
    try:
        config = msgspec.toml.decode(file.read_bytes(), type=Config)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise ClientError(f"{file}: {failure}") from None
    if problems := [*_of_listen(config.listen), *_of_servers(config.servers), *_of_routes(config)]:
        raise ClientError("\n".join(f"{file}: {problem}" for problem in problems))
    return config


def _of_listen(listen: Listen) -> list[str]:
    if listen.exposed or is_private(f"http://{f'[{listen.host}]' if ':' in listen.host else listen.host}"):
        return []
    return ["listen.host is not loopback, so others could use the router's tokens (exposed = true allows this)"]


def _of_servers(servers: dict[str, Server]) -> list[str]:
    problems = []
    for name, server in servers.items():
        try:
            server.auth()
            server.settings()
            server.tls.context()
        except ClientError as failure:
            problems.append(f"servers.{name}: {failure}")
        urls = [url for url in (server.issuer, server.token_endpoint) if url]
        if not urls or not all(server.insecure or is_private(url) for url in urls):
            problems.append(f"servers.{name}: issuer or token_endpoint must be an https URL")
    return problems


def _of_routes(config: Config) -> list[str]:
    problems = []
    seen: set[str] = set()
    for index, route in enumerate(config.routes):
        prefix = route.prefix.rstrip("/")
        complaints = {
            "prefix must be a path without dot segments, % and ?": not _is_prefix(route.prefix),
            "prefix must not be /healthz or /metrics": prefix in OWN_PATHS,
            "prefix is used twice": prefix in seen,
            f"no entry of servers has the name {route.server}": route.server not in config.servers,
            "target must be an http or https URL without query, fragment and user": not _is_target(route.target),
            "target must be an https URL (insecure = true allows http)": not (
                route.insecure or is_private(route.target)
            ),
        }
        problems += [f"routes[{index}]: {text}" for text, applies in complaints.items() if applies]
        seen.add(prefix)
        try:
            route.tls.context()
        except ClientError as failure:
            problems.append(f"routes[{index}]: {failure}")
    return problems or ([] if config.routes else ["routes: at least one is required"])


def _is_prefix(prefix: str) -> bool:
    return (
        prefix.startswith("/")
        and prefix.isascii()
        and not set(prefix) & set("%?#\\ ")
        and not {".", "..", ""} & set(prefix.strip("/").split("/") if prefix != "/" else ())
    )


def _is_target(target: str) -> bool:
    parts = urlsplit(target)
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and not (parts.query or parts.fragment or parts.username or parts.password)
    )


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as failure:
        raise ClientError(str(failure)) from None
