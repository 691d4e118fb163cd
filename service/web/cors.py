"""Programs in a browser (the CORS protocol of the Fetch standard): read by the origins of a registration alone.

Nothing is granted or refused here: an answer says who may read it, and that is never the opaque origin `null`, which
any page can take on.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from service.config import Client
from service.web.answer import Answer, Headers

_PREFLIGHT: Headers = [
    (b"access-control-allow-headers", b"Authorization, Content-Type, DPoP"),
    (b"access-control-max-age", b"7200"),
]
_EXPOSED = (b"access-control-expose-headers", b"DPoP-Nonce, WWW-Authenticate")
_VARY = (b"vary", b"Origin")


class Cors:
    """Which clients are at home at an origin."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self._homes: defaultdict[bytes, set[str]] = defaultdict(set)
        for client in clients:
            for origin in client.origins:
                self._homes[origin.encode()].add(client.id)

    def preflight(self, headers: Headers, methods: Sequence[str]) -> Answer | None:
        """Answer whether one of `methods` may follow; None where that is not the question, or it is nobody's origin."""
        fields = dict(headers)
        origin = fields.get(b"origin", b"")
        wanted = fields.get(b"access-control-request-method", b"").decode("latin-1")
        if origin not in self._homes or wanted not in methods:
            return None
        names = ", ".join(methods).encode()
        granted = [(b"access-control-allow-origin", origin), (b"access-control-allow-methods", names)]
        return Answer(204, [*granted, *_PREFLIGHT, _VARY], b"")

    def fields(self, origin: bytes, client_id: str) -> Headers:
        """Return what lets `origin` read an answer to `client_id`, which is empty where the client is not known."""
        homes = self._homes.get(origin)
        if homes is None or (client_id and client_id not in homes):
            return []
        return [(b"access-control-allow-origin", origin), _EXPOSED, _VARY]
