"""Adds tokens to requests, and decides when to repeat a request (RFC 6750 section 3.1, RFC 9449 sections 7 and 9)."""

from collections.abc import Collection, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from satchel_client.errors import ClientError
from satchel_client.grants import Grant
from satchel_client.http import is_private
from satchel_client.token import Token
from satchel_client.token_source import Resource, TokenSource


class Ticket(NamedTuple):
    """The parameters of a token: scope, resource and grant."""

    scope: str | None = None
    resource: Resource = None
    grant: Grant | None = None


class Outgoing:
    """The tokens for the requests of one HTTP client."""

    def __init__(
        self,
        source: TokenSource,
        ticket: Ticket,
        origins: Collection[str] | None = None,
        insecure: bool = False,
    ) -> None:
        """Take the source. `origins` (`https://api.example.com`) limits the servers that get tokens; None: no limit.

        `insecure` allows plain http to other hosts.
        """
        self._source = source
        self._ticket = ticket
        self._origins = None if origins is None else frozenset(origin_of(origin) for origin in origins)
        self._insecure = insecure

    def concerns(self, url: str) -> bool:
        """Return whether requests to `url` get a token.

        Raises:
            ClientError: they do, but over plain http, where others can read it.
        """
        if self._origins is not None and origin_of(url) not in self._origins:
            return False
        if not (self._insecure or is_private(url)):
            raise ClientError("tokens are not sent over plain http (insecure=True allows it)")
        return True

    def token(self) -> Token:
        """Return the token.

        Raises:
            TokenUnavailable: there is none.
        """
        return self._source.token(*self._ticket)

    async def atoken(self) -> Token:
        """Return the token.

        Raises:
            TokenUnavailable: there is none.
        """
        return await self._source.atoken(*self._ticket)

    def headers(self, token: Token, method: str, url: str) -> dict[str, str]:
        """Return the headers with which `token` is sent in one request."""
        headers = {"Authorization": token.authorization}
        if self._source.prover is not None:
            headers["DPoP"] = self._source.prover.proof(method, url, token.access_token)
        return headers

    def refused(self, token: Token, url: str, status: int, headers: Mapping[str, str]) -> str | None:
        """Return why the request should be repeated with the new token or nonce; None if it should not be repeated."""
        prover = self._source.prover
        news = prover is not None and prover.learn(url, headers.get("dpop-nonce"))
        if status != 401:
            return None
        challenge = headers.get("www-authenticate", "")
        if news and _says(challenge, "use_dpop_nonce"):
            return "use_dpop_nonce"
        if _says(challenge, "invalid_token") and self._source.reject(token, *self._ticket):
            return "invalid_token"
        return None


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL; default ports are left out."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"


def _says(challenge: str, error: str) -> bool:
    return f'error="{error}"' in challenge or f"error={error}" in challenge
