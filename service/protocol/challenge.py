"""The WWW-Authenticate header for refused access tokens (RFC 6750 section 3, RFC 9449 section 7.1)."""

from service.protocol.dpop import ALGS
from service.protocol.errors import OAuthError

_BEARER = 'Bearer realm="satchel"'
_DPOP = f'DPoP realm="satchel", algs="{" ".join(sorted(ALGS))}"'
EITHER = f"{_BEARER}, {_DPOP}"
"""The header for a request without an access token."""


def challenge(error: OAuthError, *, dpop: bool) -> str:
    """Return the header for `error`: with the scheme DPoP if the request used DPoP, else with Bearer."""
    scheme = _DPOP if dpop else _BEARER
    return f'{scheme}, error="{error.code}", error_description="{error.description}"'
