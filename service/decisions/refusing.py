"""From an exception to the refusal that the client gets (RFC 6749 section 5.2)."""

from collections.abc import Iterator
from contextlib import contextmanager

from keys import NoActiveKey
from service.decisions.decision import Decision
from service.memory import MemoryFull, MemoryUnavailable
from service.protocol.errors import OAuthError

_UNAVAILABLE = "the service is temporarily unavailable; try again later"
REFUSABLE = (OAuthError, NoActiveKey, MemoryUnavailable, MemoryFull)
"""The exceptions that become a refusal. Any other exception is a defect of the service."""


def refusal_of(fault: OAuthError | NoActiveKey | MemoryUnavailable | MemoryFull) -> OAuthError:
    """Return the refusal for `fault`, one of REFUSABLE."""
    if isinstance(fault, OAuthError):
        return fault
    if isinstance(fault, NoActiveKey):
        return OAuthError("temporarily_unavailable", _UNAVAILABLE, reason=str(fault))
    return OAuthError("temporarily_unavailable", _UNAVAILABLE, reason=str(fault), retry_after=fault.retry_after)


@contextmanager
def refusing(decision: Decision) -> Iterator[None]:
    """Make `decision` a refusal if the body of the `with` statement raises one of REFUSABLE."""
    try:
        yield
    except REFUSABLE as fault:
        decision.refuse(refusal_of(fault))
