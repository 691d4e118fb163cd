"""Redirect URIs (RFC 6749 section 3.1.2): compared character by character (RFC 9700 section 2.1), but for one thing.

A program on a person's own machine listens on whatever port it gets, so where `http://127.0.0.1` or `http://[::1]` is
registered, any port of it will do (RFC 8252 section 7.3).
"""

import re

from service.protocol.errors import OAuthError

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?((?:[/?].*)?)", re.DOTALL)


def choose_redirect_uri(registered: tuple[str, ...], named: str | None) -> str:
    """Return where the answer goes: the URI that the request names, or the only one that is registered.

    Raises:
        OAuthError: invalid_request.
    """
    if named is None:
        if len(registered) != 1:
            raise OAuthError("invalid_request", "redirect_uri is missing")
        return registered[0]
    if not is_registered(named, registered):
        raise OAuthError("invalid_request", "redirect_uri is not registered for the client")
    return named


def is_registered(uri: str, registered: tuple[str, ...]) -> bool:
    """Tell whether `uri` is one of those that are registered."""
    if uri in registered:
        return True
    anywhere = _without_port(uri)
    return anywhere is not None and anywhere in map(_without_port, registered)


def _without_port(uri: str) -> tuple[str, str] | None:
    """Return what of a loopback URI is compared; None for any other."""
    match = _LOOPBACK.fullmatch(uri)
    if match is None or int(match[2] or 1) > 0xFFFF:
        return None
    return match[1], match[3]
