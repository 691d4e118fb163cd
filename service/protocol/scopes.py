"""The `scope` parameter (RFC 6749 section 3.3)."""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

from service.protocol.errors import OAuthError

_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+(?: +[\x21\x23-\x5B\x5D-\x7E]+)*")
MAX_SCOPES = 100
OPENID_SCOPES = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})
"""Scopes of OpenID Connect, which do not depend on the resource (Core sections 3.1.2.1, 5.4 and 11)."""


def parse_scope(text: str) -> tuple[str, ...]:
    """Return the scopes of a `scope` parameter, in order, without duplicates.

    Raises:
        OAuthError: invalid_scope: the parameter is malformed or has more than MAX_SCOPES scopes.
    """
    text = text.strip(" ")
    if _SCOPE.fullmatch(text) is None:
        raise OAuthError("invalid_scope", "scope must be a list of scopes with spaces between them")
    scopes = tuple(dict.fromkeys(text.split()))
    if len(scopes) > MAX_SCOPES:
        raise OAuthError("invalid_scope", f"scope has more than {MAX_SCOPES} values")
    return scopes


def grant_scopes(
    requested: tuple[str, ...] | None, defaults: Iterable[str], allowed: Collection[str], meaningful: Collection[str]
) -> tuple[str, ...]:
    """Return the scopes of a token: those `requested` (or `defaults`) that are `meaningful` at its resources.

    Raises:
        OAuthError: invalid_scope: a requested scope is not `allowed`, or no requested scope is meaningful.
    """
    if requested is None:
        return tuple(scope for scope in defaults if scope in meaningful)
    for scope in requested:
        if scope not in allowed:
            raise OAuthError(
                "invalid_scope", "scope has a value that the client may not request or that was not granted"
            )
    granted = tuple(scope for scope in requested if scope in meaningful)
    if not granted:
        # The name is safe to show: it is configured, because it is allowed.
        raise OAuthError("invalid_scope", f"the requested resource has no scope '{requested[0]}'")
    return granted


@lru_cache(1024)
def narrow_scopes(requested: tuple[str, ...] | None, granted: str, meaningful: frozenset[str]) -> tuple[str, ...]:
    """Return the scopes of a token from an earlier grant; `granted` is the `scope` of that grant.

    Raises:
        OAuthError: invalid_scope: a requested scope was not granted, or no requested scope is meaningful.
    """
    owned = tuple(granted.split(" ")) if granted else ()
    return grant_scopes(requested, owned, owned, meaningful)
