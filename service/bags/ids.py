"""Fresh identifiers (RFC 7519 section 4.1.7)."""

from satchel_jose.base64url import encode
from service.bags.randomness import random_octets


def fresh_id() -> str:
    """Return 22 base64url characters that carry 128 random bits."""
    return encode(random_octets(16)).decode("ascii")


_shared, _born = b"", 0


def single_use_id() -> str:
    """Return an id as `fresh_id` does, for what is good once: 104 bits are its own, the first 24 its siblings' too.

    Sixteen siblings in a row begin alike, and the next sixteen nearly so. Such ids are spent at about the time at which
    their siblings are, and the embedded memory keeps them side by side: to write a few down is to write a page or two.
    """
    global _shared, _born
    if _born % 4096 == 0:
        _shared = random_octets(2)
    near = _shared + bytes((_born >> 4 & 255,))
    _born += 1
    return encode(near + random_octets(13)).decode("ascii")
