"""The access token of a request, and what is checked with it (RFC 6750 section 2.1, RFC 9449 section 7.1)."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from satchel_client.errors import ClientError, InvalidToken

MAX_TOKEN_CHARS = 16384
_SYNTAX = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


class MissingToken(ClientError):
    """The request has no access token. The challenge then has no error code (RFC 6750 section 3)."""


class Presented(NamedTuple):
    """The access token of a request, and the parts of the request to which it may be bound."""

    token: str
    scheme: Literal["bearer", "dpop"] = "bearer"
    proofs: Sequence[str] = ()
    """The values of the DPoP headers."""
    method: str = ""
    url: str = ""
    """The URL of the request as the client sees it. If it is empty (unknown), every DPoP proof is refused."""
    certificate: bytes | None = None
    """The client certificate (DER), from the TLS connection or from a trusted proxy."""

    def __repr__(self) -> str:
        return f"Presented(scheme={self.scheme!r}, method={self.method!r})"


def token_of(authorization: Sequence[str]) -> tuple[Literal["bearer", "dpop"], str]:
    """Return scheme and token from the values of the Authorization headers of a request.

    Raises:
        MissingToken: there is no such header, or it has another scheme.
        InvalidToken: invalid_request: there are several headers, or the header has no well-formed token.
    """
    if not authorization:
        raise MissingToken("no access token")
    if len(authorization) > 1:
        raise InvalidToken("invalid_request", "send one Authorization header, not several")
    scheme, _, token = authorization[0].partition(" ")
    token = token.strip(" ")
    match scheme.lower():
        case ("bearer" | "dpop") as known:
            if len(token) > MAX_TOKEN_CHARS or not _SYNTAX.fullmatch(token):
                raise InvalidToken("invalid_request", "the token in the Authorization header is malformed or too long")
            return known, token
    raise MissingToken("no access token")
