"""Client secrets (RFC 6749 section 2.3.1): generated ones as SHA-256, human-chosen ones as Argon2id.

A generated secret has 256 bits and cannot be guessed. A slow hash would add no security and would take most of the
service's time, so a correct generated secret costs one SHA-256.

If any client has a human-chosen secret, every wrong secret costs one Argon2id hash, also for unknown clients and for
clients without such a secret. So timing does not show which clients exist. (A client with two human-chosen secrets
costs two.)
"""

from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest

from service.client_auth.method import Authenticated, Credentials, refused
from service.clients.registry import Registry
from service.memory import MemoryUnavailable
from service.protocol.errors import OAuthError
from service.protocol.passwords import verify
from service.protocol.ports import Attempts, Ports

_NO_DIGEST = "0" * 64
"""Compared with when a client is unknown or has no generated secret. No secret has this digest."""


async def prove(
    client_id: str, secret: str, method: str, credentials: Credentials, registry: Registry, ports: Ports, now: float
) -> Authenticated:
    """Return the client `client_id` if `secret` is one of its secrets and `method` is registered for the client.

    Raises:
        OAuthError: invalid_client; slow_down after too many wrong secrets; temporarily_unavailable if too many Argon2id
            hashes are waiting.
        MemoryUnavailable, MemoryFull: a wrong secret cannot be counted.
    """
    client, decoy = registry.clients.find(client_id), registry.clients.keys.decoy
    digest = sha256(secret.encode("utf-8")).hexdigest()
    valid = [
        known
        for known in (() if client is None else client.secrets)
        if known.not_after is None or now < known.not_after.timestamp()
    ]
    right = False
    for fast in [known.sha256 for known in valid if not known.argon2id] or [_NO_DIGEST]:
        right |= compare_digest(fast, digest)
    if not right and decoy is not None:
        chosen = [known.argon2id for known in valid if known.argon2id]
        attempts = ports.attempts(client_id, credentials.address, now)
        right = await _guess(secret, chosen or [decoy.argon2id], attempts) and bool(chosen)
    if client is None:
        raise refused("unknown client")
    if not right:
        raise refused("wrong secret")
    if method not in client.auth_methods:
        raise refused(f"{method} is not registered")
    ends = [known.not_after.timestamp() for known in valid if known.not_after is not None]
    return Authenticated(client, method, until=min(ends, default=float("inf")))


async def _guess(secret: str, chosen: Sequence[str], attempts: Attempts) -> bool:
    """Tell whether `secret` matches one of the Argon2id hashes `chosen`.

    Many attempts may begin at the same time. Those beyond the limit get slow_down, whether right or wrong.

    Raises:
        OAuthError: slow_down, temporarily_unavailable.
    """
    counted = True
    try:
        admitted = await attempts.may_begin()
    except MemoryUnavailable:
        # Clients can authenticate without the memory. The number of hashing threads still limits the rate of guesses.
        admitted, counted = True, False
    if admitted:
        for phc in chosen:
            if await verify(phc, secret, "clients"):
                if not counted or await attempts.may_succeed():
                    return True
                break
        else:
            if not counted or await attempts.count():
                return False
    raise OAuthError("slow_down", "too many failed attempts; wait 30 seconds", reason="throttled")
