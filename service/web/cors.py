"""Programs in a browser (the CORS protocol of the Fetch standard): read by the origins of a registration alone.

Nothing is granted or refused here: an answer says who may read it, and that is never the opaque origin `null`, which
any page can take on.
"""

from collections import defaultdict
from collections.abc import Iterable

from service.config import Client
from service.web.answer import Answer, Headers

_PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"POST"),
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

    def preflight(self, headers: Headers) -> Answer | None:
        """Answer the question whether a POST may follow; None where it is not asked, or by nobody's origin."""
        fields = dict(headers)
        origin = fields.get(b"origin", b"")
        if origin not in self._homes or fields.get(b"access-control-request-method") != b"POST":
            return None
        return Answer(204, [(b"access-control-allow-origin", origin), *_PREFLIGHT, _VARY], b"")

    def fields(self, origin: bytes, client_id: str) -> Headers:
        """Return what lets `origin` read an answer to `client_id`, which is empty where the client is not known."""
        homes = self._homes.get(origin)
        if homes is None or (client_id and client_id not in homes):
            return []
        return [(b"access-control-allow-origin", origin), _EXPOSED, _VARY]
