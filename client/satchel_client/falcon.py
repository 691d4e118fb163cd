"""Middleware for Falcon that requires a valid token for every responder, sink and static route.

    app = falcon.App(middleware=[protect := Protect(Verifier(issuer, audience), Protection(policy))])
    app.add_error_handler(ClientError, protect.handle)

Responders find the AccessToken in `req.context.token`. It is None if the policy requires no token. A responder that
requires more than the policy calls `Requirement("write").check(req.context.token, time.time())`. `AsyncProtect` is for
`falcon.asgi.App`.
"""

from typing import Any

import falcon
import falcon.asgi

from satchel_client import wsgi_protect
from satchel_client.challenge import Answer
from satchel_client.errors import ClientError
from satchel_client.presented import Presented
from satchel_client.protection import Protection
from satchel_client.verifier import AsyncVerifier, Verifier


class Protect:
    """For `falcon.App`."""

    def __init__(self, verifier: Verifier, protection: Protection | None = None) -> None:
        self.verifier = verifier
        self.protection = protection or Protection()

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Check the request's token before it is routed."""
        if answer := self.protection.document(req.method, req.path):
            _fill(resp, answer)
            return
        req.context.token = None
        requirement = self.protection.policy(req.method, req.path)
        if requirement is None:
            return
        try:
            presented = _present(req, wsgi_protect.raw_path(req.env), self.protection)
            req.context.token = self.verifier.verify(presented, requirement)
        except ClientError as error:
            _fill(resp, self.protection.refuse(error))

    def handle(self, req: falcon.Request, resp: falcon.Response, error: ClientError, params: dict[str, Any]) -> None:
        """Render a ClientError that a responder raises; pass this to `add_error_handler`."""
        _fill(resp, self.protection.refuse(error))


class AsyncProtect:
    """For `falcon.asgi.App`."""

    def __init__(self, verifier: AsyncVerifier, protection: Protection | None = None) -> None:
        self.verifier = verifier
        self.protection = protection or Protection()

    async def process_request(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Check the request's token before it is routed."""
        if answer := self.protection.document(req.method, req.path):
            _fill(resp, answer)
            return
        try:
            req.context.token = await self._check(req)
        except ClientError as error:
            _fill(resp, self.protection.refuse(error))

    async def process_request_ws(self, req: falcon.asgi.Request, _ws: falcon.asgi.WebSocket) -> None:
        """Check the handshake's token before it is routed."""
        try:
            req.context.token = await self._check(req)
        except ClientError as error:
            raise falcon.HTTPError(self.protection.refuse(error).status) from error

    async def process_shutdown(self, _scope: dict[str, Any], _event: dict[str, Any]) -> None:
        """Close the verifier with the application."""
        await self.verifier.aclose()

    async def handle(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, error: ClientError, params: dict[str, Any]
    ) -> None:
        """Render a ClientError that a responder raises; pass this to `add_error_handler`."""
        _fill(resp, self.protection.refuse(error))

    async def _check(self, req: falcon.asgi.Request) -> Any:
        requirement = self.protection.policy(req.method, req.path)
        if requirement is None:
            return None
        presented = _present(req, req.scope["path"].encode(), self.protection)
        return await self.verifier.verify(presented, requirement)


def _present(req: falcon.Request, path: bytes, protection: Protection) -> Presented:
    """Return the token of a request. Falcon joins repeated headers with commas, which tokens and proofs cannot have."""

    def header(name: str) -> list[str]:
        value = req.get_header(name)
        return [] if value is None else [value]

    return protection.present(req.method, path, header)


def _fill(resp: falcon.Response, answer: Answer) -> None:
    resp.status = str(answer.status)
    for name, value in answer.headers:
        resp.set_header(name, value)
    resp.data = answer.body
    resp.complete = True
