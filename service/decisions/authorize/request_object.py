"""Request objects by value (RFC 9101): an authorization request as a JWT that the client has signed.

One that is there speaks alone: no parameter beside it is read (section 6.3), and none is ever fetched.
"""

from typing import Any

import msgspec

from service.bags.errors import BadBag
from service.bags.foreign import Claims, check_audience, check_issuer, check_times, parse, verify
from service.bags.foreign_keys import ALGORITHMS
from service.client_auth.client_keys import client_keys
from service.config import Client
from service.decisions.context import Context
from service.protocol.errors import OAuthError
from service.protocol.form import CONTROL, REPEATABLE, Form

MAX_LIFE = 3600
"""Seconds that a request object may live."""

_TYPES: frozenset[str | None] = frozenset({"oauth-authz-req+jwt", "JWT", None})
_ALGS = frozenset(alg for alg, row in ALGORITHMS.items() if row.kind != "secret")
_OF_THE_JWT = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})


async def open_request_object(context: Context, client: Client, text: str, now: float) -> Form:
    """Return the parameters in the request object `text`, which `client` must have signed.

    Raises:
        OAuthError: invalid_request_object; request_not_supported for a client without keys; temporarily_unavailable,
            where they cannot be fetched.
    """
    if not (client.jwks or client.jwks_uri):
        raise OAuthError("request_not_supported", "the client has no keys for request objects")
    try:
        unverified = parse(text, types=_TYPES)
        keys = await client_keys(client, unverified.kid, context.registry, context.ports)
        alg = client.request_object_signing_alg
        claims = verify(unverified, keys, frozenset({alg}) if alg else _ALGS)
        _check(claims, client, context, now)
        return _form(claims)
    except BadBag as fault:
        raise OAuthError("invalid_request_object", "the request object is not valid", reason=fault.reason) from None


def _check(claims: Claims, client: Client, context: Context, now: float) -> None:
    config = context.registry.config
    check_issuer(claims, client.id)
    check_audience(claims, config.issuer, array=True)
    check_times(claims, now, skew=config.keys.skew, max_life=MAX_LIFE)
    if claims.get("client_id") != client.id:
        raise BadBag("client_id")
    if claims.get("sub") == client.id:
        raise BadBag("could be a client assertion as well")  # section 10.8
    if "request" in claims or "request_uri" in claims:
        raise BadBag("a request inside the request")


def _form(claims: Claims) -> Form:
    """Return the claims as if they had come as a form; numbers and JSON as the text that a form would have."""
    values: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for name, value in claims.items():
        if name in REPEATABLE:
            items = value if isinstance(value, list) else [value]
            lists[name] = [text for text in map(_text, items) if text]
        elif name not in _OF_THE_JWT and (text := _text(value)):
            values[name] = text
    return Form(values, lists)


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode("utf-8")
    if CONTROL.search(text):
        raise BadBag("a control character")
    return text
