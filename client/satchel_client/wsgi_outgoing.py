"""WSGI middleware (PEP 3333) that provides a token for the outgoing calls of an application."""

from collections.abc import Callable, Iterable
from typing import Any

from satchel_client.asgi_outgoing import NAME, retry_after
from satchel_client.errors import TokenUnavailable
from satchel_client.grants import Grant
from satchel_client.token_source import Resource, TokenSource

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class TokenMiddleware:
    """Adds a Token to the environ of each request. If no token can be obtained, responds 503 with `Retry-After`."""

    def __init__(
        self,
        app: App,
        source: TokenSource,
        *,
        scope: str | None = None,
        resource: Resource = None,
        grant: Grant | None = None,
        name: str = NAME,
    ) -> None:
        """Wrap `app`. `name` is the key of the token in the environ; programs with several tokens need several."""
        self._app = app
        self._source = source
        self._ticket = (scope, resource, grant)
        self._name = name

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Handle one request."""
        try:
            environ[self._name] = self._source.token(*self._ticket)
        except TokenUnavailable as failure:
            body = b"this service cannot get an access token now; try again later\n"
            headers = [
                ("Content-Type", "text/plain"),
                ("Content-Length", str(len(body))),
                ("Retry-After", retry_after(failure)),
            ]
            start_response("503 Service Unavailable", headers)
            return [body]
        return self._app(environ, start_response)
