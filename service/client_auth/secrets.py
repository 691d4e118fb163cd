"""Client secrets (RFC 6749 section 2.3.1): generated ones as SHA-256, those that people chose as Argon2id.

A slow hash buys nothing for a secret of 256 bits, which nobody can guess, and would cost most of the service's time: so
whoever is right with one never pays for it. What is wrong takes the time of a slow hash wherever some client has a
secret that somebody chose, be the client unknown, that one, or another (a client with two such secrets takes two).
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

_NOBODY = "0" * 64


async def prove(
    client_id: str, secret: str, method: str, credentials: Credentials, registry: Registry, ports: Ports, now: float
) -> Authenticated:
    """Return the client `client_id` if `secret` is one of its own and `method` is registered for it.

    Raises:
        OAuthError: invalid_client, whose reason is for the log; slow_down, where too many were wrong;
            temporarily_unavailable, under too many slow hashes.
        MemoryUnavailable, MemoryFull: a wrong secret cannot be counted.
    """
    client, decoy = registry.clients.find(client_id), registry.clients.keys.decoy
    digest = sha256(secret.encode("utf-8")).hexdigest()
    alive = [
        known
        for known in (() if client is None else client.secrets)
        if known.not_after is None or now < known.not_after.timestamp()
    ]
    right = False
    for fast in [known.sha256 for known in alive if not known.argon2id] or [_NOBODY]:
        right |= compare_digest(fast, digest)
    if not right and decoy is not None:
        chosen = [known.argon2id for known in alive if known.argon2id]
        attempts = ports.attempts(client_id, credentials.address, now)
        right = await _guess(secret, chosen or [decoy.argon2id], attempts) and bool(chosen)
    if client is None:
        raise refused("unknown client")
    if not right:
        raise refused("wrong secret")
    if method not in client.auth_methods:
        raise refused(f"{method} is not registered")
    ends = [known.not_after.timestamp() for known in alive if known.not_after is not None]
    return Authenticated(client, method, until=min(ends, default=float("inf")))


async def _guess(secret: str, chosen: Sequence[str], attempts: Attempts) -> bool:
    """Tell whether `secret` is one of those hashed in `chosen`, where so many attempts are still heard.

    Of a crowd that was let in together, those beyond the limit are told the same, right or wrong.
    """
    counted = True
    try:
        admitted = await attempts.may_begin()
    except MemoryUnavailable:
        admitted, counted = True, False  # a client needs no memory; the threads are a limit of their own
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
