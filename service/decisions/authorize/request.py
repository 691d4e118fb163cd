"""Authorization requests (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1): read, judged, made whole.

Until client and redirect_uri are proved there is nobody to send an error to but the person (RFC 9700 section 4.11): so
there are two refusals, and which one is raised says whether there may be a redirect.
"""

from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from service.bags.kinds import AuthorizationRequest
from service.config import Client
from service.decisions.authorize.parameters import RESPONSE_MODES, read_parameters
from service.decisions.authorize.pushed_request import open_pushed
from service.decisions.authorize.request_object import open_request_object
from service.decisions.context import Context
from service.protocol.errors import OAuthError
from service.protocol.form import Form
from service.protocol.limits import MAX_URL
from service.protocol.redirect_uri import choose_redirect_uri

_CODE = 700
"""Characters of a code as long as usual ones get."""
_BARE_CODE = 640
"""Characters of a long code without scope, resources, nonce, names of claims and authorization_details."""


class Reply(NamedTuple):
    """Where the answer goes and how (RFC 6749 section 4.1.2): proved."""

    redirect_uri: str
    response_mode: str
    state: str


class Unproved(Exception):
    """A refusal that may not be redirected: the person is told."""

    def __init__(self, error: OAuthError) -> None:
        super().__init__(error.code)
        self.error = error


class RefusedToClient(Exception):
    """A refusal that the client is told, by way of `reply`."""

    def __init__(self, error: OAuthError, reply: Reply) -> None:
        super().__init__(error.code)
        self.error = error
        self.reply = reply


async def read_request(context: Context, form: Form, now: float) -> tuple[Client, AuthorizationRequest, str]:
    """Return the client that sends a browser with `form`, its request, and the jti of it if it was pushed, else "".

    Raises:
        Unproved, RefusedToClient
        MemoryUnavailable: a pushed request is looked up in it.
    """
    try:
        client = _client(context, form)
        request_uri = form.get("request_uri")
        if request_uri is not None:
            if form.get("request") is not None:
                raise OAuthError("invalid_request", "request and request_uri exclude each other")
            request, jti = await open_pushed(context, client, request_uri, now)
            return client, request, jti
    except OAuthError as error:
        raise Unproved(error) from None
    return client, await validate(context, client, form, now, pushed=False), ""


async def validate(context: Context, client: Client, form: Form, now: float, *, pushed: bool) -> AuthorizationRequest:
    """Return the request in `form`, or in the request object there; `pushed`: `client` itself has sent it.

    Raises:
        Unproved, RefusedToClient
    """
    signed = form.get("request")
    try:
        if signed is not None:
            form = await open_request_object(context, client, signed, now)
        reply = _reply(context, client, form)
    except OAuthError as error:
        raise Unproved(error) from None
    try:
        if client.require_signed_request_object and signed is None:
            raise OAuthError("invalid_request", "the client must sign its requests")
        if client.require_pushed_authorization_requests and not pushed:
            raise OAuthError("invalid_request", "the client must push its requests")
        request = read_parameters(context, client, form, reply.redirect_uri, now)
    except OAuthError as error:
        raise RefusedToClient(error, reply) from None
    try:
        _check_room(context, reply, max(_CODE, _code_chars(request)))
    except OAuthError as error:
        raise Unproved(error) from None
    return request


def _client(context: Context, form: Form) -> Client:
    client = context.registry.clients.find(form.require("client_id"))
    if client is None:
        raise OAuthError("invalid_request", "client_id is not known here")
    return client


def _reply(context: Context, client: Client, form: Form) -> Reply:
    mode = form.get("response_mode")
    reply = Reply(
        choose_redirect_uri(client.redirect_uris, form.get("redirect_uri")),
        mode if mode in RESPONSE_MODES else RESPONSE_MODES[0],
        form.get("state") or "",
    )
    _check_room(context, reply, _CODE)
    return reply


def _check_room(context: Context, reply: Reply, code_chars: int) -> None:
    """Check that the answer with a code of `code_chars` characters fits into a URL, where it goes into one."""
    if reply.response_mode != "query":
        return
    rest = urlencode({"code": "", "state": reply.state, "iss": context.registry.config.issuer})
    chars = len(reply.redirect_uri) + 1 + len(rest) + code_chars
    if chars > MAX_URL:
        raise OAuthError(
            "invalid_request",
            f"the answer would be a URL of {chars} characters, more than {MAX_URL}: redirect_uri, state, "
            "authorization_details or claims are too long (response_mode=form_post has no such limit)",
        )


def _code_chars(request: AuthorizationRequest) -> int:
    names = [name for member in request.claims.values() for name in member]
    grown = [request.scope, request.resources, request.nonce, names, request.authorization_details]
    return _BARE_CODE + len(msgspec.msgpack.encode(grown)) * 4 // 3
