"""The request_uri of a pushed request (RFC 9126 section 2.2): a bag that is spent when the request is answered."""

from hmac import compare_digest

import msgspec
import structlog

from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import AuthorizationRequest, PushedRequest
from service.clients.rights import may_request_today
from service.config import Client
from service.decisions.context import Context
from service.protocol.digests import client_digest
from service.protocol.errors import OAuthError

log = structlog.get_logger("satchel")

PREFIX = "urn:ietf:params:oauth:request_uri:"


def spent_id(jti: str) -> str:
    """Return the memory id whose entry means that the pushed request `jti` was answered."""
    return f"par:{jti}"


def seal_pushed(context: Context, request: AuthorizationRequest, now: float) -> str:
    """Return a request_uri for `request` that can be used once, within `lifetimes.pushed_request` seconds.

    Raises:
        MemoryUnavailable: the memory, which will record the use of the request_uri, cannot be reached.
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
    """Return the request that `client` has pushed, and the `jti` of its `request_uri`.

    A request_uri that was answered before, or that another server issued, is refused. No request_uri is ever fetched.

    Raises:
        OAuthError: invalid_request_uri.
        MemoryUnavailable
    """
    if not request_uri.startswith(PREFIX):
        raise _refused("not a request_uri of this service")
    try:
        bag = context.snapshot.open(request_uri.removeprefix(PREFIX), (PushedRequest,), now)
    except BadBag as fault:
        raise _refused(fault.reason) from None
    if not compare_digest(bag.client, client_digest(client.id)):
        raise _refused("another client's request_uri")
    request = msgspec.structs.replace(bag.request, client_id=client.id)
    if not may_request_today(request, client, context.registry, device=False):
        raise _refused("the client's registration has changed")
    id = spent_id(bag.jti)
    (answered,) = await context.memory.get_many([id])
    if answered is not None:
        raise _refused("answered before")
    if bag.memory != context.memory.identity:
        if bag.memory not in context.registry.config.memory.accept_identity:
            log.error("bag belongs to another memory", bag=bag.memory, memory=context.memory.identity)
            raise _refused("wrong memory")
    elif bag.iat < context.memory.since([id]):
        raise _refused("older than the memory")
    return request, bag.jti


def _refused(reason: str) -> OAuthError:
    description = "request_uri is unknown, expired or was used before; push the request again"
    return OAuthError("invalid_request_uri", description, reason=reason)
