"""Fresh identifiers (RFC 7519 section 4.1.7): the only source of randomness outside keys and content keys."""

import os
from binascii import b2a_base64

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def fresh_id() -> str:
    """Return 22 base64url characters that carry 128 random bits.

    They come from the kernel, so workers forked from one process cannot repeat each other.
    """
    return b2a_base64(os.urandom(16), newline=False).translate(_URL_SAFE, b"=").decode("ascii")
