"""Which faults become a refusal, and which refusal (RFC 6749 section 5.2)."""

from collections.abc import Iterator
from contextlib import contextmanager

from keys import NoActiveKey
from service.decisions.decision import Decision
from service.memory import MemoryFull, MemoryUnavailable
from service.protocol.errors import OAuthError

REFUSABLE = (OAuthError, NoActiveKey, MemoryUnavailable, MemoryFull)
"""The exceptions that a decision answers with a refusal."""


def refusal_of(fault: OAuthError | NoActiveKey | MemoryUnavailable | MemoryFull) -> OAuthError:
    """Return the refusal that the client is told for `fault`, one of REFUSABLE."""
    if isinstance(fault, OAuthError):
        return fault
    if isinstance(fault, NoActiveKey):
        return OAuthError("temporarily_unavailable", "no key is active", reason=str(fault))
    return OAuthError("temporarily_unavailable", "try again later", reason=str(fault), retry_after=fault.retry_after)


@contextmanager
def refusing(decision: Decision) -> Iterator[None]:
    """Make `decision` a refusal if the body raises one of REFUSABLE."""
    try:
        yield
    except REFUSABLE as fault:
        decision.refuse(refusal_of(fault))
