"""base64url without padding, one spelling for one value (RFC 7515 section 2, RFC 4648 section 3.5)."""

import binascii

from service.bags.errors import BadBag

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_", b"+/")


def encode(data: bytes) -> bytes:
    """Return `data` as unpadded base64url characters."""
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=")


def decode(segment: bytes) -> bytes:
    """Return the octets of a segment that is spelled as `encode` spells it.

    Decoders differ in what they forgive (padding, white space, stray low bits of the last character), so one signature
    could wear many spellings; comparing with our own spelling leaves exactly one.

    Raises:
        BadBag: any other spelling.
    """
    try:
        data = binascii.a2b_base64(segment.translate(_STANDARD) + b"==="[: -len(segment) % 4])
    except binascii.Error:
        raise BadBag("not base64url") from None
    if binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=") != segment:
        raise BadBag("not canonical base64url")
    return data
