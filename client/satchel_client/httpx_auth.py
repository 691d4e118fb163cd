"""Tokens for httpx: `httpx.Client(auth=TokenAuth(source))`, or AsyncClient."""

from collections.abc import AsyncGenerator, Collection, Generator

import httpx

from satchel_client.grants import Grant
from satchel_client.outgoing import Outgoing, Ticket, origin_of
from satchel_client.token import Token
from satchel_client.token_source import Resource, TokenSource


class TokenAuth(httpx.Auth):
    """Adds a token to each request, and repeats it once if the server says `invalid_token` or requires a DPoP nonce.

    A request whose body is a stream is sent once only.
    """

    def __init__(
        self,
        source: TokenSource,
        *,
        scope: str | None = None,
        resource: Resource = None,
        grant: Grant | None = None,
        origins: Collection[str] | None = None,
        insecure: bool = False,
    ) -> None:
        """Take the token source and the parameters of the token; `origins` and `insecure` are as for Outgoing."""
        self._outgoing = Outgoing(source, Ticket(scope, resource, grant), origins, insecure)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send `request` with a token.

        Raises:
            ClientError: TokenUnavailable; or it would go over plain http.
        """
        amiss = {"invalid_token", "use_dpop_nonce"}
        while True:
            token = self._outgoing.token() if self._outgoing.concerns(str(request.url)) else None
            response = yield self._with(request, token)
            if not self._again(request, response, token, amiss):
                return

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do the same in an event loop."""
        amiss = {"invalid_token", "use_dpop_nonce"}
        while True:
            token = await self._outgoing.atoken() if self._outgoing.concerns(str(request.url)) else None
            response = yield self._with(request, token)
            if not self._again(request, response, token, amiss):
                return

    def _with(self, request: httpx.Request, token: Token | None) -> httpx.Request:
        if token is not None:
            request.headers.update(self._outgoing.headers(token, request.method, str(request.url)))
        return request

    def _again(self, request: httpx.Request, response: httpx.Response, token: Token | None, amiss: set[str]) -> bool:
        if token is None or origin_of(str(response.url)) != origin_of(str(request.url)):
            return False  # not sent, or a redirect has led elsewhere, where it was not sent
        reason = self._outgoing.refused(token, str(request.url), response.status_code, response.headers)
        if reason not in amiss or not isinstance(request.stream, httpx.ByteStream):
            return False
        amiss.remove(reason)
        return True
