"""The request_uri of a pushed request (RFC 9126 section 2.2): a bag that is spent by the first answer to it."""

from hmac import compare_digest

import msgspec
import structlog

from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import AuthorizationRequest, PushedRequest
from service.config import Client
from service.decisions.context import Context
from service.protocol.digests import client_digest
from service.protocol.errors import OAuthError

log = structlog.get_logger("satchel")

PREFIX = "urn:ietf:params:oauth:request_uri:"


def spent_id(jti: str) -> str:
    """Return the entry of the memory that says that the pushed request `jti` was answered."""
    return f"par:{jti}"


def seal_pushed(context: Context, request: AuthorizationRequest, now: float) -> str:
    """Return a request_uri for `request`, good once for lifetimes.pushed_request seconds.

    Raises:
        MemoryUnavailable: the memory that is to know whether it was used cannot be asked.
        NoActiveKey
    """
    bag = PushedRequest(
        iss=context.snapshot.issuer,
        jti=fresh_id(),
        iat=int(now),
        exp=int(now) + context.registry.config.lifetimes.pushed_request,
        client=client_digest(request.client_id),
        request=msgspec.structs.replace(request, client_id=""),
        memory=context.memory.identity,
    )
    return PREFIX + context.snapshot.seal(bag, now)


async def open_pushed(
    context: Context, client: Client, request_uri: str, now: float
) -> tuple[AuthorizationRequest, str]:
    """Return what `client` has pushed as `request_uri`, which was not answered before; and the `jti` of that.

    Any other request_uri is refused, and never fetched.

    Raises:
        OAuthError: invalid_request_uri.
        MemoryUnavailable
    """
    if not request_uri.startswith(PREFIX):
        raise _refused("not ours")
    try:
        bag = context.snapshot.open(request_uri.removeprefix(PREFIX), (PushedRequest,), now)
    except BadBag as fault:
        raise _refused(fault.reason) from None
    if not compare_digest(bag.client, client_digest(client.id)):
        raise _refused("another client's")
    spent = spent_id(bag.jti)
    (answered,) = await context.memory.get_many([spent])
    if answered is not None:
        raise _refused("answered before")
    if bag.memory != context.memory.identity:
        if bag.memory not in context.registry.config.memory.accept_identity:
            log.error("wrong memory", bag=bag.memory, memory=context.memory.identity)
            raise _refused("wrong memory")
    elif bag.iat < context.memory.since([spent]):
        raise _refused("older than the memory")
    return msgspec.structs.replace(bag.request, client_id=client.id), bag.jti


def _refused(reason: str) -> OAuthError:
    return OAuthError("invalid_request_uri", "the request is not known, has expired or was used before", reason=reason)
