"""/service/jwks/get (RFC 7517) and /service/configuration (OpenID Connect Discovery section 3)."""

from typing import Any

from keys import jwks
from service.decision_api.wire import CallersFault, Message
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.metadata import metadata


class ConfigurationRequest(Message):
    """A request for the metadata document. The document cannot be changed by a call."""

    patch: str | None = None


async def configuration(context: Context, request: ConfigurationRequest, now: float) -> tuple[Decision, dict[str, Any]]:
    """Return the metadata document.

    Raises:
        CallersFault
    """
    if request.patch:
        raise CallersFault("patch is not supported; change the configuration instead")
    return Decision(Action.OK), metadata(context)


async def key_set(context: Context, request: Message, now: float) -> tuple[Decision, dict[str, Any]]:
    """Return the published keys. Private keys never leave the key ring."""
    return Decision(Action.OK), jwks(context.snapshot.ring, now)
