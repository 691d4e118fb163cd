"""base64url without padding, one spelling for one value (RFC 7515 section 2, RFC 4648 section 3.5)."""

import binascii

from satchel_client.rejected import Rejected

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_", b"+/")


def encode(data: bytes) -> bytes:
    """Return `data` as unpadded base64url characters."""
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=")


def decode(segment: bytes) -> bytes:
    """Return the octets of a segment that is spelled exactly as `encode` spells it.

    Raises:
        Rejected: any other spelling (padding, white space, stray low bits), so that no token has a second text.
    """
    try:
        data = binascii.a2b_base64(segment.translate(_STANDARD) + b"==="[: -len(segment) % 4])
    except binascii.Error:
        raise Rejected("not base64url") from None
    if encode(data) != segment:
        raise Rejected("not canonical base64url")
    return data
