"""Headers that somebody else has made, read before any key is touched (RFC 7515 section 4, RFC 8725 section 3.10)."""

from typing import Any

from satchel_jose.base64url import decode
from satchel_jose.errors import Rejected
from satchel_jose.jwk import check_kid
from satchel_jose.strict_json import load_object

MAX_HEADER_BYTES = 4096

# Each would change how the token is read, or have us fetch or trust something. Members unknown to us are passed over,
# as RFC 7515 section 4 asks; that `crit` is refused makes it safe.
_REFUSED = frozenset({"crit", "b64", "zip", "enc", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", "jku", "x5u", "x5c"})


def read_jws_header(segment: bytes) -> dict[str, Any]:
    """Return the members of a JWS header: `alg` is a string, and so are `kid` and `typ` where it has them.

    Raises:
        Rejected: anything else, over 4,096 bytes, or with a member that must not be there.
    """
    header = read_header(segment)
    if not _REFUSED.isdisjoint(header):
        raise Rejected("header has a refused member")
    if not isinstance(header.get("alg"), str):
        raise Rejected("alg is not a string")
    if not isinstance(header.get("typ", ""), str):
        raise Rejected("typ is not a string")
    return header


def read_header(segment: bytes) -> dict[str, Any]:
    """Return the members of any header: a JSON object, and `kid` a string where it has one.

    Raises:
        Rejected: anything else, or over 4,096 bytes.
    """
    if len(segment) > MAX_HEADER_BYTES * 4 // 3 + 1:
        raise Rejected("header is too long")
    header = load_object(decode(segment))
    if "kid" in header:
        check_kid(header["kid"])
    return header
