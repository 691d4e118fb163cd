"""Client secrets (RFC 6749 section 2.3.1): generated ones as SHA-256, those that people chose as Argon2id.

A slow hash buys nothing for a secret of 256 bits, which nobody can guess, and would cost most of the service's time:
clients that have only such secrets never pay for it.
"""

from hashlib import sha256
from hmac import compare_digest

from service.client_auth.method import Authenticated, refused
from service.config import Secret
from service.protocol.passwords import verify
from service.protocol.registry import Registry


async def prove(client_id: str, secret: str, method: str, registry: Registry, now: float) -> Authenticated:
    """Return the client `client_id` if `secret` is one of its own and `method` is registered for it.

    An unknown client takes the same path as a wrong secret, and so the same time: where some clients have secrets that
    people chose, the time of those, since there it helps most to know which names are worth guessing for.

    Raises:
        OAuthError: invalid_client, whose reason is for the log; temporarily_unavailable, under too many slow hashes.
    """
    client = registry.client(client_id)
    digest = sha256(secret.encode("utf-8")).hexdigest()
    right, slow = False, []
    for known in client.secrets if client is not None and client.secrets else _nobody(registry):
        alive = known.not_after is None or now < known.not_after.timestamp()
        if known.argon2id:
            slow += [known.argon2id] if alive else []
        else:
            right |= compare_digest(known.sha256, digest) and alive
    for phc in slow:
        right = right or await verify(phc, secret)
    if client is None:
        raise refused("unknown client")
    if not right:
        raise refused("wrong secret")
    if method not in client.auth_methods:
        raise refused(f"{method} is not registered")
    ends = [known.not_after.timestamp() for known in client.secrets if known.not_after is not None]
    return Authenticated(client, method, until=min((end for end in ends if end > now), default=float("inf")))


def _nobody(registry: Registry) -> tuple[Secret, ...]:
    decoy = registry.proofs.decoy
    return _FAST if decoy is None else (*_FAST, decoy)


_FAST = (Secret(sha256="0" * 64),)
