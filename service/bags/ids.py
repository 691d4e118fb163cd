"""Fresh identifiers (RFC 7519 section 4.1.7)."""

from satchel_jose.base64url import encode
from service.bags.randomness import random_octets


def fresh_id() -> str:
    """Return 22 base64url characters that carry 128 random bits."""
    return encode(random_octets(16)).decode("ascii")


_shared, _born = b"", 0


def single_use_id() -> str:
    """Return an id like that of `fresh_id`, for single-use bags: 104 bits are random, the first 24 are shared.

    Sixteen consecutive ids have the same first 24 bits, and the next sixteen nearly the same. Ids that are created
    together are also spent at about the same time. The embedded memory stores them next to each other, so spending
    several of them writes only a page or two.
    """
    global _shared, _born
    if _born % 4096 == 0:
        _shared = random_octets(2)
    near = _shared + bytes((_born >> 4 & 255,))
    _born += 1
    return encode(near + random_octets(13)).decode("ascii")
