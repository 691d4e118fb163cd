"""Request objects by value (RFC 9101): an authorization request as a JWT that the client has signed.

If there is a request object, only its parameters count: those beside it are ignored (section 6.3). Request objects are
never fetched from a URL.
"""

from typing import Any

import msgspec

from satchel_jose.algorithms import SIGNATURES
from service.bags.errors import BadBag
from service.bags.foreign import Claims, check_audience, check_issuer, check_times, parse, verify
from service.client_auth.client_keys import client_keys
from service.config import Client
from service.decisions.context import Context
from service.protocol.errors import OAuthError
from service.protocol.form import CONTROL, REPEATABLE, Form

MAX_LIFE = 3600
"""Maximum lifetime of a request object, in seconds."""

_TYPES: frozenset[str | None] = frozenset({"oauth-authz-req+jwt", "JWT", None})
_ALGS = frozenset(SIGNATURES)
_JWT_CLAIMS = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})
"""Claims that are about the JWT and are no parameters of the request."""


async def open_request_object(context: Context, client: Client, text: str, now: float) -> Form:
    """Return the parameters in the request object `text`, after verifying the signature of `client`.

    Raises:
        OAuthError: invalid_request_object; request_not_supported if the client has registered no keys;
            temporarily_unavailable if its keys cannot be fetched.
    """
    if not (client.jwks or client.jwks_uri):
        raise OAuthError("request_not_supported", "the client has no registered keys (jwks, jwks_uri) to sign requests")
    try:
        unverified = parse(text, types=_TYPES)
        keys = await client_keys(client, unverified.kid, context.registry, context.ports)
        alg = client.request_object_signing_alg
        claims = verify(unverified, keys, frozenset({alg}) if alg else _ALGS)
        _check(claims, client, context, now)
        return _form(claims)
    except BadBag as fault:
        description = "the request object is not valid; check its signature, typ, iss, aud, exp and client_id"
        raise OAuthError("invalid_request_object", description, reason=fault.reason) from None


def _check(claims: Claims, client: Client, context: Context, now: float) -> None:
    config = context.registry.config
    check_issuer(claims, client.id)
    check_audience(claims, config.issuer, array=True)
    check_times(claims, now, skew=config.keys.skew, max_life=MAX_LIFE)
    if claims.get("client_id") != client.id:
        raise BadBag("client_id is not the client's")
    if claims.get("sub") == client.id:
        raise BadBag("sub is the client, so it could be used as a client assertion")  # section 10.8
    if "request" in claims or "request_uri" in claims:
        raise BadBag("request or request_uri inside the request object")


def _form(claims: Claims) -> Form:
    """Return the claims as a form; numbers and JSON become the text that a form would have."""
    values: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for name, value in claims.items():
        if name in REPEATABLE:
            items = value if isinstance(value, list) else [value]
            lists[name] = [text for text in map(_text, items) if text]
        elif name not in _JWT_CLAIMS and (text := _text(value)):
            values[name] = text
    return Form(values, lists)


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode("utf-8")
    if CONTROL.search(text):
        raise BadBag("a control character")
    return text
