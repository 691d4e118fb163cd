"""Client assertions (RFC 7523 section 3, RFC 7521 section 4.2, OpenID Connect Core section 9), for both JWT methods.

The audience must be the issuer and nothing else (or, where the client is so registered, the URL of an endpoint). So
another server cannot use here an assertion that a client sent to it, even if it is a second audience or its token URL
begins like ours.
"""

from functools import lru_cache
from math import ceil
from typing import Any

from satchel_jose.algorithms import MACS
from satchel_jose.base64url import decode
from satchel_jose.strict_json import load_object
from service.bags.errors import BadBag
from service.bags.foreign import Unverified, check_issuer, check_times, parse, verify
from service.bags.foreign_keys import KeySet
from service.client_auth.method import Authenticated, Credentials, refused
from service.clients.registry import Registry
from service.config import Client, Config
from service.memory import owners
from service.protocol.one_time_id import OneTimeId, replay_id

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_LIFE = 300
"""Maximum lifetime of an assertion, in seconds."""

_TYPES = frozenset({None, "JWT", "client-authentication+jwt"})
_MAX_HEADER = 512
_REPLAYED = refused("assertion replayed")


def presented(credentials: Credentials) -> bool:
    """Tell whether the body has client_assertion or client_assertion_type."""
    form = credentials.form
    return form.get("client_assertion") is not None or form.get("client_assertion_type") is not None


def has_mac(credentials: Credentials) -> bool:
    """Tell whether the `alg` header of the assertion is an HMAC algorithm."""
    return _names_hmac((credentials.form.get("client_assertion") or "").partition(".")[0])


@lru_cache(256)
def _names_hmac(header: str) -> bool:
    if len(header) > _MAX_HEADER:
        return False
    try:
        return str(load_object(decode(header.encode("utf-8"))).get("alg")) in MACS
    except BadBag:
        return False


def read(credentials: Credentials, registry: Registry, method: str, algs: frozenset[str]) -> tuple[Client, Unverified]:
    """Return the client that the assertion names, and the assertion, whose signature is still to be verified.

    Raises:
        OAuthError: invalid_client.
    """
    form = credentials.form
    if form.get("client_assertion_type") != TYPE:
        raise refused("wrong client_assertion_type")
    try:
        unverified = parse(form.get("client_assertion") or "", types=_TYPES)
    except BadBag as fault:
        raise refused(fault.reason) from None
    client_id = unverified.unverified_claims.get("sub")
    if form.get("client_id") not in (None, client_id):
        raise refused("client_id differs from sub")
    client = registry.clients.find(client_id) if client_id is not None else None
    if client is None:
        raise refused("unknown client")
    if method not in client.auth_methods:
        raise refused(f"{method} is not registered")
    if unverified.alg not in algs:
        raise refused("alg is not allowed")
    return client, unverified


def _audience(aud: Any) -> Any:
    return aud[0] if isinstance(aud, list) and len(aud) == 1 else aud


def _audiences(client: Client, config: Config) -> list[str]:
    paths = (config.endpoints.token, config.endpoints.par) if client.assertion_audience == "endpoint" else ()
    return [config.issuer, *(config.issuer + path for path in paths)]


def accept(
    client: Client, unverified: Unverified, keys: KeySet, registry: Registry, method: str, now: float
) -> Authenticated:
    """Verify the assertion with `keys` and return the client, with the one-time id to spend for the assertion.

    Raises:
        OAuthError: invalid_client.
    """
    config = registry.config
    skew = config.keys.skew
    try:
        claims = verify(unverified, keys, frozenset({unverified.alg}))
        check_issuer(claims, client.id)
    except BadBag as fault:
        raise refused(fault.reason) from None
    # The client is proved from here on, so it may know what is wrong.
    if _audience(claims.get("aud")) not in _audiences(client, config):
        raise refused("wrong aud", "the assertion needs the issuer as its aud, alone")
    try:
        check_times(claims, now, skew=skew, max_life=MAX_LIFE)
    except BadBag as fault:
        description = f"the assertion needs an exp at most {MAX_LIFE} seconds ahead, and times that are not over"
        raise refused(fault.reason, description) from None
    jti = claims.get("jti")
    if not jti:
        raise refused("no jti", "the assertion needs a jti")
    id, until = replay_id("assertion", client.id, jti), ceil(claims["exp"] + skew)
    one_time_id = OneTimeId(id, until, "assertion", _REPLAYED, owners(client=client.id))
    return Authenticated(client, method, (one_time_id,))
