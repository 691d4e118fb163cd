"""How a token comes with a request (RFC 6750 section 2.1, RFC 9449 section 7.1)."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from satchel_client.errors import ClientError, InvalidToken

MAX_TOKEN_CHARS = 16384
_SYNTAX = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


class MissingToken(ClientError):
    """The request has no access token; the challenge says nothing of an error (RFC 6750 section 3)."""


class Presented(NamedTuple):
    """A token, and what else of the request bears on it."""

    token: str
    scheme: Literal["bearer", "dpop"] = "bearer"
    proofs: Sequence[str] = ()
    """The values of its DPoP headers."""
    method: str = ""
    url: str = ""
    """Where the request went, as the client sees it; empty where that is not known, so that no proof can fit."""
    certificate: bytes | None = None
    """The client's certificate (DER), from a TLS connection or a proxy that is trusted."""

    def __repr__(self) -> str:
        return f"Presented(scheme={self.scheme!r}, method={self.method!r})"


def token_of(authorization: Sequence[str]) -> tuple[Literal["bearer", "dpop"], str]:
    """Return scheme and token from the values of the Authorization headers of a request.

    Raises:
        MissingToken: there is no such header, or it is of another scheme.
        InvalidToken: invalid_request: more than one, or not a token.
    """
    if not authorization:
        raise MissingToken("no access token")
    if len(authorization) > 1:
        raise InvalidToken("invalid_request", "more than one Authorization header")
    scheme, _, token = authorization[0].partition(" ")
    token = token.strip(" ")
    match scheme.lower():
        case ("bearer" | "dpop") as known:
            if len(token) > MAX_TOKEN_CHARS or not _SYNTAX.fullmatch(token):
                raise InvalidToken("invalid_request", "the Authorization header holds no token")
            return known, token
    raise MissingToken("no access token")
