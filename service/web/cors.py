"""CORS (Fetch standard): scripts on the registered `origins` of a client may read the responses to that client.

CORS headers only control which scripts can read a response; the request itself is decided without them. The opaque
origin `null` is never allowed, because any page can have it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from service.config import Client
from service.web.answer import Answer, Headers

_HEADERS = b"Authorization, Content-Type, DPoP"
_KNOWN = frozenset(_HEADERS.lower().split(b", "))
_NAMES = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}(?: *, *[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}){0,20}")
_MAX_AGE = (b"access-control-max-age", b"7200")
_EXPOSED = (b"access-control-expose-headers", b"DPoP-Nonce, WWW-Authenticate")
_VARY = (b"vary", b"Origin")


class Cors:
    """The registered origins, with the ids of their clients."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self._clients: defaultdict[bytes, set[str]] = defaultdict(set)
        for client in clients:
            for origin in client.origins:
                self._clients[origin.encode()].add(client.id)

    def preflight(self, headers: Headers, methods: Sequence[str]) -> Answer | None:
        """Return the response to a preflight request; None for other requests and for unregistered origins."""
        fields = dict(headers)
        origin = fields.get(b"origin", b"")
        wanted = fields.get(b"access-control-request-method", b"").decode("latin-1")
        if origin not in self._clients or wanted not in methods:
            return None
        names = ", ".join(methods).encode()
        asked = fields.get(b"access-control-request-headers", b"")
        names_asked = [name.strip() for name in asked.split(b",")] if _NAMES.fullmatch(asked) else []
        further = [name for name in names_asked if name.lower() not in _KNOWN]  # tracing adds its own, for example
        headers_allowed = b", ".join([_HEADERS, *further])
        granted = [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", names),
            (b"access-control-allow-headers", headers_allowed),
        ]
        return Answer(204, [*granted, _MAX_AGE, _VARY], b"")

    def fields(self, origin: bytes, client_id: str) -> Headers:
        """Return the headers that let `origin` read a response to `client_id` (empty if the client is unknown)."""
        clients = self._clients.get(origin)
        if clients is None or (client_id and client_id not in clients):
            return []
        return [(b"access-control-allow-origin", origin), _EXPOSED, _VARY]
