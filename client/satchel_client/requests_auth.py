"""Tokens for requests, which must be installed: `requests.get(url, auth=TokenAuth(source))`."""

from collections.abc import Collection
from functools import partial
from typing import Any

import requests
from requests.auth import AuthBase

from satchel_client.grants import Grant
from satchel_client.outgoing import Outgoing, Ticket, origin_of
from satchel_client.token import Token
from satchel_client.token_source import Resource, TokenSource


class TokenAuth(AuthBase):
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

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put a token on `request`.

        Raises:
            ClientError: TokenUnavailable; or it would go over plain http.
        """
        url = request.url or ""
        if self._outgoing.concerns(url):
            token = self._put_token(request)
            amiss = frozenset({"invalid_token", "use_dpop_nonce"})
            request.register_hook("response", partial(self._answered, token, origin_of(url), amiss))
        return request

    def _put_token(self, request: requests.PreparedRequest) -> Token:
        token = self._outgoing.token()
        request.headers.update(self._outgoing.headers(token, request.method or "", request.url or ""))
        return token

    def _answered(
        self, token: Token, origin: str, amiss: frozenset[str], response: requests.Response, **settings: Any
    ) -> requests.Response:
        request = response.request
        if origin_of(request.url or "") != origin:
            return response  # a redirect has led elsewhere, where the token was not sent
        reason = self._outgoing.refused(token, request.url or "", response.status_code, response.headers)
        if reason not in amiss or not isinstance(request.body, bytes | str | None):
            return response
        _ = response.content  # read to its end, so that the connection can be used again
        response.close()
        again = request.copy()
        token = self._put_token(again)
        next_response: requests.Response = response.connection.send(again, **settings)
        next_response.history.append(response)
        next_response.request = again
        return self._answered(token, origin, amiss - {reason}, next_response, **settings)
