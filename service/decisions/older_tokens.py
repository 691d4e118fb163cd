"""Access tokens that are older than the memory: if it was lost in between, nobody knows whether they were revoked."""

from collections.abc import Iterable

from service.decisions.context import Context
from service.protocol.revocation_check import RevocationCheck


def older_than_memory(checks: Iterable[RevocationCheck], context: Context) -> bool:
    """Return whether an access token of `checks` was issued before the memory's `since`.

    Call this in the turn of the event loop in which the entries of `checks` were read. Codes and refresh tokens, which
    can be revoked by their family only, have rules of their own (token/redeem.py).

    Raises:
        MemoryUnavailable
    """
    if context.registry.config.memory.accept_older_tokens:
        return False
    memory = context.memory
    newest = memory.since()
    return any(check.jti and check.issued < newest and check.issued < memory.since(check.ids) for check in checks)
