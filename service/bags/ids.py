"""Fresh identifiers (RFC 7519 section 4.1.7)."""

from binascii import b2a_base64

from service.bags.randomness import random_octets

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def fresh_id() -> str:
    """Return 22 base64url characters that carry 128 random bits."""
    return b2a_base64(random_octets(16), newline=False).translate(_URL_SAFE, b"=").decode("ascii")
