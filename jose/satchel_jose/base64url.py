"""base64url without padding, one spelling for one value (RFC 7515 section 2, RFC 4648 section 3.5)."""

import binascii

from satchel_jose.errors import Rejected

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")  # what is not of the URL's alphabet becomes what is of neither
_PADDING = (b"", b"===", b"==", b"=")
_LAST = (b"", b"", b"AQgw", b"AEIMQUYcgkosw048")  # characters without stray low bits, for the end of a segment


def encode(data: bytes) -> bytes:
    """Return `data` as unpadded base64url characters."""
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=")


def decode(segment: bytes) -> bytes:
    """Return the octets of a segment that is spelled as `encode` spells it.

    Decoders differ in what they forgive (padding, white space, stray low bits of the last character), so one signature
    could wear many spellings; none is forgiven here, which leaves exactly one.

    Raises:
        Rejected: any other spelling.
    """
    over = len(segment) & 3
    if over and segment[-1] not in _LAST[over]:
        raise Rejected("not canonical base64url")
    try:
        return binascii.a2b_base64(segment.translate(_STANDARD) + _PADDING[over], strict_mode=True)
    except binascii.Error:
        raise Rejected("not base64url") from None
