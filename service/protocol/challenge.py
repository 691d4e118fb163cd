"""What a resource answers to a token that is not good there: WWW-Authenticate (RFC 6750 section 3, RFC 9449 7.1)."""

from service.protocol.dpop import ALGS
from service.protocol.errors import OAuthError

_BEARER = 'Bearer realm="satchel"'
_DPOP = f'DPoP realm="satchel", algs="{" ".join(sorted(ALGS))}"'
EITHER = f"{_BEARER}, {_DPOP}"
"""For a request that brings no token."""


def challenge(error: OAuthError, *, dpop: bool) -> str:
    """Return how to come back after `error`, by the scheme that was used."""
    scheme = _DPOP if dpop else _BEARER
    return f'{scheme}, error="{error.code}", error_description="{error.description}"'
