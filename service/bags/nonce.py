"""Nonces for DPoP proofs (RFC 9449 section 8), computed from the time and a bag key, so every node accepts them."""

from hmac import compare_digest

from keys import Ring, SealingKey
from satchel_jose.base64url import encode

SLOT = 60
"""Seconds for which one nonce is issued. It is accepted for one slot more."""


def make_nonce(ring: Ring, now: float) -> str:
    """Return the nonce of this slot.

    Raises:
        NoActiveKey: the ring has no active bag key.
    """
    return _nonce(ring.sealer(now), int(now) // SLOT)


def check_nonce(ring: Ring, nonce: str, now: float) -> bool:
    """Return whether `nonce` is a nonce of this slot, the last or the next (another node's clock may be ahead)."""
    kid, _, rest = nonce.partition(".")
    slot, _, _ = rest.partition(".")
    key = ring.by_kid(kid)
    if not isinstance(key, SealingKey) or now >= key.expires:
        return False
    if not (slot.isascii() and slot.isdecimal() and len(slot) < 12 and -1 <= int(now) // SLOT - int(slot) <= 1):
        return False
    return compare_digest(nonce.encode(), _nonce(key, int(slot)).encode())


def _nonce(key: SealingKey, slot: int) -> str:
    return f"{key.kid}.{slot}.{encode(key.mac(b'dpop nonce %d' % slot)[:16]).decode('ascii')}"
