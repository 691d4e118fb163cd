"""Reading and validating authorization requests (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1).

There are two refusals. Until client and redirect_uri are validated, an error must not be redirected (RFC 9700 section
4.11): `RefusedToPerson` shows it on a page. Later errors go to the client: `RefusedToClient`.
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

_USUAL_CODE = 700
"""Length of a usual code at its longest, in characters."""
_BARE_CODE = 640
"""Length of a code without scope, resources, nonce, claim names and authorization_details, in characters."""


class Reply(NamedTuple):
    """The validated redirect_uri, response_mode and state of the response (RFC 6749 section 4.1.2)."""

    redirect_uri: str
    response_mode: str
    state: str


class RefusedToPerson(Exception):
    """A refusal that must not be redirected; a page shows it to the person."""

    def __init__(self, error: OAuthError) -> None:
        super().__init__(error.code)
        self.error = error


class RefusedToClient(Exception):
    """A refusal that is sent to the client, through `reply`."""

    def __init__(self, error: OAuthError, reply: Reply) -> None:
        super().__init__(error.code)
        self.error = error
        self.reply = reply


async def read_request(context: Context, form: Form, now: float) -> tuple[Client, AuthorizationRequest, str]:
    """Return the client, its request and, for a pushed request, the `jti` of the request_uri (else "").

    Raises:
        RefusedToPerson, RefusedToClient
        MemoryUnavailable: the memory cannot tell whether the request_uri was used before.
    """
    try:
        client = _client(context, form)
        request_uri = form.get("request_uri")
        if request_uri is not None:
            if form.get("request") is not None:
                raise OAuthError("invalid_request", "send request or request_uri, not both")
            request, jti = await open_pushed(context, client, request_uri, now)
            return client, request, jti
    except OAuthError as error:
        raise RefusedToPerson(error) from None
    return client, await validate(context, client, form, now, pushed=False), ""


async def validate(context: Context, client: Client, form: Form, now: float, *, pushed: bool) -> AuthorizationRequest:
    """Return the validated request of `form`, or of the request object in `form`; `pushed`: it came through /par.

    Raises:
        RefusedToPerson, RefusedToClient
    """
    signed = form.get("request")
    try:
        if signed is not None:
            form = await open_request_object(context, client, signed, now)
        reply = _reply(context, client, form)
    except OAuthError as error:
        raise RefusedToPerson(error) from None
    try:
        if client.require_signed_request_object and signed is None:
            raise OAuthError("invalid_request", "the client must send a signed request object (parameter request)")
        if client.require_pushed_authorization_requests and not pushed:
            raise OAuthError("invalid_request", "the client must push its requests and send the request_uri")
        request = read_parameters(context, client, form, reply.redirect_uri, now)
    except OAuthError as error:
        raise RefusedToClient(error, reply) from None
    try:
        _check_length(context, reply, max(_USUAL_CODE, _code_chars(request)))
    except OAuthError as error:
        raise RefusedToPerson(error) from None
    return request


def _client(context: Context, form: Form) -> Client:
    client = context.registry.clients.find(form.require("client_id"))
    if client is None:
        raise OAuthError("invalid_request", "client_id is unknown")
    return client


def _reply(context: Context, client: Client, form: Form) -> Reply:
    mode = form.get("response_mode")
    reply = Reply(
        choose_redirect_uri(client.redirect_uris, form.get("redirect_uri")),
        mode if mode in RESPONSE_MODES else RESPONSE_MODES[0],
        form.get("state") or "",
    )
    _check_length(context, reply, _USUAL_CODE)
    return reply


def _check_length(context: Context, reply: Reply, code_chars: int) -> None:
    """Check that the response URL with a code of `code_chars` characters has at most MAX_URL characters.

    Raises:
        OAuthError: invalid_request.
    """
    if reply.response_mode != "query":
        return
    rest = urlencode({"code": "", "state": reply.state, "iss": context.registry.config.issuer})
    chars = len(reply.redirect_uri) + 1 + len(rest) + code_chars
    if chars > MAX_URL:
        raise OAuthError(
            "invalid_request",
            f"the response URL would have {chars} characters, more than {MAX_URL}: shorten redirect_uri, state, "
            "authorization_details or claims, or use response_mode=form_post",
        )


def _code_chars(request: AuthorizationRequest) -> int:
    """Return the length of the code for `request`, in characters, rounded up."""
    names = [name for member in request.claims.values() for name in member]
    variable = [request.scope, request.resources, request.nonce, names, request.authorization_details]
    return _BARE_CODE + len(msgspec.msgpack.encode(variable)) * 4 // 3
