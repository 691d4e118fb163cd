"""Redirect URIs (RFC 6749 section 3.1.2), compared character by character (RFC 9700 section 2.1).

There is one exception: a native app listens on the port that it gets, so `http://127.0.0.1` and `http://[::1]` match
with every port (RFC 8252 section 7.3).
"""

import re

from service.protocol.errors import OAuthError

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?((?:[/?].*)?)", re.DOTALL)


def choose_redirect_uri(registered: tuple[str, ...], named: str | None) -> str:
    """Return the redirect URI of the request `named`, or the only `registered` one if the request has none.

    Raises:
        OAuthError: invalid_request: `named` is not registered, or is missing while several are registered.
    """
    if named is None:
        if len(registered) != 1:
            raise OAuthError("invalid_request", "redirect_uri is missing")
        return registered[0]
    if not is_registered(named, registered):
        raise OAuthError("invalid_request", "redirect_uri is not registered for the client")
    return named


def is_registered(uri: str, registered: tuple[str, ...]) -> bool:
    """Return whether `uri` is one of `registered`."""
    if uri in registered:
        return True
    anywhere = _without_port(uri)
    return anywhere is not None and anywhere in map(_without_port, registered)


def _without_port(uri: str) -> tuple[str, str] | None:
    """Return the parts of a loopback URI around its port; None for other URIs."""
    match = _LOOPBACK.fullmatch(uri)
    if match is None or int(match[2] or 1) > 0xFFFF:
        return None
    return match[1], match[3]
