"""Scope values (RFC 6749 section 3.3)."""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

from service.protocol.errors import OAuthError

_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*")
MAX_SCOPES = 100
OPENID_SCOPES = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})
"""Scopes that mean something here, whatever the resource (OpenID Connect Core sections 3.1.2.1, 5.4 and 11)."""


def parse_scope(text: str) -> tuple[str, ...]:
    """Return the scope tokens of a `scope` parameter, in order, each once.

    Raises:
        OAuthError: invalid_scope, where it is malformed or names more than MAX_SCOPES.
    """
    if _SCOPE.fullmatch(text) is None:
        raise OAuthError("invalid_scope", "scope is malformed")
    scopes = tuple(dict.fromkeys(text.split(" ")))
    if len(scopes) > MAX_SCOPES:
        raise OAuthError("invalid_scope", "scope names too many values")
    return scopes


def grant_scopes(
    requested: tuple[str, ...] | None, defaults: Iterable[str], allowed: Collection[str], meaningful: Collection[str]
) -> tuple[str, ...]:
    """Return the scopes of a token: those `requested` (else `defaults`) that are `meaningful` at its resources.

    Raises:
        OAuthError: invalid_scope, where a requested scope is not `allowed`, or none of them is meaningful.
    """
    if requested is None:
        return tuple(scope for scope in defaults if scope in meaningful)
    for scope in requested:
        if scope not in allowed:
            raise OAuthError("invalid_scope", "scope exceeds what the client may ask for")
    granted = tuple(scope for scope in requested if scope in meaningful)
    if not granted:
        raise OAuthError("invalid_scope", "scope means nothing at the resource")
    return granted


@lru_cache(1024)
def narrow_scopes(requested: tuple[str, ...] | None, granted: str, meaningful: frozenset[str]) -> tuple[str, ...]:
    """Return the scopes of a token that rests on an earlier grant of `granted` (a `scope` value).

    Raises:
        OAuthError: invalid_scope, where a requested scope was not granted, or none of them is meaningful.
    """
    owned = tuple(granted.split(" ")) if granted else ()
    return grant_scopes(requested, owned, owned, meaningful)
