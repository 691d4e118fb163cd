"""Access tokens as the server issued them (RFC 6749 section 5.1)."""

import math
import re
from dataclasses import dataclass, field

import msgspec

from satchel_client.errors import TokenUnavailable

SCHEMES = {"bearer": "Bearer", "dpop": "DPoP"}

_VISIBLE = re.compile(r"[!-~]+")  # fit for a header


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. Its content is opaque to the client."""

    access_token: str = field(repr=False)
    token_type: str
    """`Bearer` or `DPoP`."""
    scope: str | None
    """The granted scope; None if the response has none, which means the requested scope."""
    expires_in: float | None
    """The lifetime in seconds at the time of the response; None if the response does not say."""
    refresh_token: str | None = field(default=None, repr=False)
    authorization: str = field(init=False, repr=False)
    """The value of the `Authorization` header."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "authorization", f"{self.token_type} {self.access_token}")


class _Answer(msgspec.Struct):
    access_token: str
    token_type: str
    expires_in: float | str | None = None
    scope: str | None = None
    refresh_token: str | None = None


def read_token(body: bytes, *, bound: bool) -> Token:
    """Read the body of a successful answer; `bound` is whether the token must be bound to a DPoP key.

    Raises:
        TokenUnavailable: it is not one, or the token is not of the type that was asked for.
    """
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise TokenUnavailable("the response of the server is not a token response") from None
    token_type = SCHEMES.get(answer.token_type.lower())
    if token_type is None or bound is not (token_type == "DPoP"):
        raise TokenUnavailable("the server issued a token of another token_type than expected")
    if not _VISIBLE.fullmatch(answer.access_token):
        raise TokenUnavailable("the server issued a token with characters that a header cannot contain")
    return Token(answer.access_token, token_type, answer.scope, _life(answer.expires_in), answer.refresh_token)


def _life(expires_in: float | str | None) -> float | None:
    if expires_in is None:
        return None
    try:
        seconds = float(expires_in)  # some servers send it as a string
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise TokenUnavailable("expires_in in the response is not a number of seconds")
    return seconds
