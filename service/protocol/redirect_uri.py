"""Redirect URIs (RFC 6749 section 3.1.2), compared character by character (RFC 9700 section 2.1).

There are two exceptions. A native app listens on the port that it gets, so `http://127.0.0.1`, `http://[::1]` and
`http://localhost` match with every port (RFC 8252 section 7.3, RFC 9700 section 4.1.3). An empty path is the same as
`/` (RFC 3986 section 6.2.3).
"""

import re

from service.protocol.errors import OAuthError

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::([1-9][0-9]{0,4}))?((?:[/?].*)?)", re.DOTALL)
_NO_PATH = re.compile(r"([a-z][a-z0-9+.-]*://[^/?#]+)((?:\?.*)?)", re.DOTALL)


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
    uri, known = with_path(uri), [with_path(each) for each in registered]
    anywhere = _without_port(uri)
    return uri in known or (anywhere is not None and anywhere in map(_without_port, known))


def with_path(uri: str) -> str:
    """Return `uri` with the path `/` if it has an authority and no path."""
    found = _NO_PATH.fullmatch(uri)
    return uri if found is None else f"{found[1]}/{found[2]}"


def _without_port(uri: str) -> tuple[str, str] | None:
    """Return the parts of a loopback URI around its port; None for other URIs."""
    match = _LOOPBACK.fullmatch(uri)
    if match is None or int(match[2] or 1) > 0xFFFF:
        return None
    return match[1], match[3]
