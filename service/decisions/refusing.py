"""What becomes a refusal: the errors of OAuth (RFC 6749 section 5.2), and whatever is out of order here."""

from collections.abc import Iterator
from contextlib import contextmanager

from keys import NoActiveKey
from service.decisions.admit import unavailable
from service.decisions.decision import Decision
from service.memory import MemoryFull, MemoryUnavailable
from service.protocol.errors import OAuthError


@contextmanager
def refusing(decision: Decision) -> Iterator[None]:
    """Make `decision` a refusal where the body raises one, or asks for a memory or a key that cannot be had."""
    try:
        yield
    except OAuthError as error:
        decision.refuse(error)
    except NoActiveKey as fault:
        decision.refuse(OAuthError("temporarily_unavailable", "no key is active", reason=str(fault)))
    except (MemoryUnavailable, MemoryFull) as fault:
        decision.refuse(unavailable(fault))
