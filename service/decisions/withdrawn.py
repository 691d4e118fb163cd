"""Checks that a client and a subject still exist. What was issued to a client or for a user ends with them."""

from collections.abc import Iterable

from service.decisions.context import Context
from service.protocol.revocation_check import RevocationCheck


def withdrawn(checks: Iterable[RevocationCheck], context: Context) -> bool:
    """Return whether a client or a subject of `checks` no longer exists."""
    find = context.registry.clients.find
    return any(
        (check.client_id and find(check.client_id) is None) or not _exists(check.sub, context) for check in checks
    )


def _exists(sub: str, context: Context) -> bool:
    """Return whether `sub` can be the id of a user, a client or a subject of a trusted issuer (`issuer#sub`)."""
    registry = context.registry
    return (
        context.ports.users.may_exist(sub)
        or registry.clients.find(sub) is not None
        or sub.partition("#")[0] in registry.issuers
    )
