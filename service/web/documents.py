"""The public documents: /jwks (RFC 7517) and the metadata (RFC 8414, OpenID Connect Discovery section 4)."""

from hashlib import sha256

import falcon
import falcon.asgi

from keys import jwks, max_age
from service.decisions.metadata import metadata
from service.web.answer import json_document
from service.web.runtime import Runtime


def _public(req: falcon.asgi.Request, resp: falcon.asgi.Response, body: bytes, seconds: int) -> None:
    tag = sha256(body).hexdigest()[:32]
    resp.set_header("Access-Control-Allow-Origin", "*")
    resp.set_header("X-Content-Type-Options", "nosniff")
    resp.set_header("Cache-Control", f"public, max-age={seconds}")
    resp.etag = tag
    if any(known in (tag, "*") for known in req.if_none_match or ()):
        resp.status = falcon.HTTP_304
        return
    resp.content_type = "application/json"
    resp.data = body


class _PublicDocument:
    """What both documents answer to a preflight request (Fetch standard): any page may read them, with any header."""

    async def on_options(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer one preflight request."""
        resp.status = falcon.HTTP_204
        resp.set_header("Access-Control-Allow-Origin", "*")
        resp.set_header("Access-Control-Allow-Methods", "GET")
        resp.set_header("Access-Control-Allow-Headers", req.get_header("Access-Control-Request-Headers") or "*")
        resp.set_header("Access-Control-Max-Age", "7200")
        resp.set_header("Allow", "GET, OPTIONS")


class JwksDocument(_PublicDocument):
    """GET /jwks. `max-age` is short enough that verifiers have every key before it signs."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer the request."""
        req.scope["line"].endpoint = "jwks"
        now = self._runtime.clock()
        ring = self._runtime.context.snapshot.ring
        _public(req, resp, json_document(jwks(ring, now)), max_age(ring, self._runtime.policy, now))


class MetadataDocument(_PublicDocument):
    """GET the metadata, at both well-known paths."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer the request."""
        req.scope["line"].endpoint = "metadata"
        _public(req, resp, json_document(metadata(self._runtime.context)), 3600)
