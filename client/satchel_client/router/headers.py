"""The headers that are passed on (RFC 9110 section 7.6), and the header of the token."""

from collections.abc import Iterable, Sequence

Header = tuple[bytes, bytes]

VIA = (b"via", b"1.1 satchel-router")
AUTHORIZATION, SCOPE_TOKEN = b"authorization", b"x-scope-token"

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_OF_REQUESTS = _HOP_BY_HOP | {b"host", b"expect", SCOPE_TOKEN}
_FRAMING = frozenset({b"content-length", b"host"})
"""Headers that are kept even if a `Connection` header names them."""


def of_request(headers: Sequence[Header], host: bytes, authorization: bytes) -> tuple[list[Header], bool]:
    """Return the headers of the request to the target, and whether the token is the one in `Authorization`.

    It is, unless the caller has sent an `Authorization` of its own: then ours goes in `X-Scope-Token`, which is never
    taken from a caller. Names are in lower case.
    """
    kept = _kept(headers, _OF_REQUESTS)
    ours = all(name != AUTHORIZATION for name, _ in kept)
    return [(b"host", host), *kept, VIA, (AUTHORIZATION if ours else SCOPE_TOKEN, authorization)], ours


def of_response(headers: Iterable[Header]) -> list[Header]:
    """Return the headers of the response to the caller."""
    return [*_kept([(name.lower(), value) for name, value in headers], _HOP_BY_HOP), VIA]


def _kept(headers: Sequence[Header], dropped: frozenset[bytes]) -> list[Header]:
    named = {option.strip().lower() for name, value in headers if name == b"connection" for option in value.split(b",")}
    if named:
        dropped |= named - _FRAMING
    return [header for header in headers if header[0] not in dropped]
