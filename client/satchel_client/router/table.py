"""The prefix table: targets and tokens by the prefix of the path. Requests go to hosts in this table only."""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import httpx

from satchel_client.grants import ClientCredentials
from satchel_client.http import TIMEOUT
from satchel_client.router.config import Config, Route, Server
from satchel_client.token_source import TokenSource


class Target(NamedTuple):
    """A row of the table."""

    route: Route
    prefix: bytes
    """The prefix without a slash at its end."""
    url: httpx.URL
    host: bytes
    """The value of the `Host` header."""
    source: TokenSource

    def address(self, raw_path: bytes, query: bytes) -> httpx.URL:
        """Return the URL at the target: its origin with the path and query of the request, unchanged."""
        path = raw_path[len(self.prefix) :] if self.route.strip_prefix else raw_path
        full = self.url.raw_path.rstrip(b"/") + (path or b"/")
        return self.url.copy_with(raw_path=full + b"?" + query if query else full)


class Table:
    """The table. The longest matching prefix decides."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._targets = sorted(targets, key=lambda target: len(target.prefix), reverse=True)

    def find(self, raw_path: bytes) -> Target | None:
        """Return the row for a path that is not decoded. Prefixes match whole segments."""
        for target in self._targets:
            if raw_path.startswith(target.prefix) and raw_path[len(target.prefix) : len(target.prefix) + 1] in b"/":
                return target
        return None


def leads_astray(raw_path: bytes) -> bool:
    """Return whether a path could leave its prefix: it has dot segments or does not begin with a slash."""
    segments = unquote_to_bytes(raw_path).replace(b"\\", b"/").split(b"/")
    return not raw_path.startswith(b"/") or b".." in segments or b"." in segments


def sources(config: Config) -> dict[str, TokenSource]:
    """Return a token source for each authorization server.

    Raises:
        ClientError: a secret, a key or a certificate cannot be read.
    """
    return {name: _source(server) for name, server in config.servers.items()}


def targets(config: Config, by_name: dict[str, TokenSource]) -> list[Target]:
    """Return the rows of the table."""
    rows = []
    for route in config.routes:
        url = httpx.URL(route.target)
        rows.append(Target(route, route.prefix.rstrip("/").encode(), url, url.netloc, by_name[route.server]))
    return rows


def _source(server: Server) -> TokenSource:
    context = server.tls.context()
    return TokenSource(
        server.auth(),
        issuer=server.issuer,
        token_endpoint=server.token_endpoint,
        grant=ClientCredentials(tuple(server.parameters.items())),
        settings=server.settings(),
        client=lambda: httpx.Client(verify=context, timeout=TIMEOUT),
        insecure=server.insecure,
    )
