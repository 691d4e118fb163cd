"""Telling the clients of a session that it is over (OpenID Connect Back-Channel Logout section 2)."""

import asyncio

import msgspec

from service.bags.ids import fresh_id
from service.bags.kinds import Session
from service.bags.snapshot import LOGOUT_JWT
from service.config import Client
from service.decisions.context import Context
from service.protocol.digests import client_digest
from service.protocol.subject import session_id, subject

SECONDS = 120
"""Seconds for which a logout token is good."""
_telling: set[asyncio.Future[list[bool]]] = set()
_EVENTS: dict[str, dict[str, str]] = {"http://schemas.openid.net/event/backchannel-logout": {}}


def logout_tokens(context: Context, session: Session, now: float) -> list[tuple[Client, str]]:
    """Return a logout token for each client that `session` has served and that wants to be told.

    Raises:
        NoActiveKey: the ring has none for a client's algorithm.
    """
    clients = {client_digest(client.id): client for client in context.registry.config.clients}
    served = [clients[one.client] for one in session.served if one.client in clients]
    return [
        (client, _logout_token(context, session, client, int(now)))
        for client in served
        if client.backchannel_logout_uri
    ]


def _logout_token(context: Context, session: Session, client: Client, now: int) -> str:
    config = context.registry.config
    claims = {
        "iss": context.snapshot.issuer,
        "sub": subject(session.login.sub, client, config),
        "aud": client.id,
        "iat": now,
        "exp": now + SECONDS,
        "jti": fresh_id(),
        "events": _EVENTS,
        "sid": session_id(session.sid, client, config),
    }
    return context.snapshot.sign_claims(
        LOGOUT_JWT, msgspec.json.encode(claims), client.id_token_signed_response_alg, now
    )


async def tell(context: Context, tokens: list[tuple[Client, str]]) -> tuple[str, ...]:
    """Send each client its logout token, all at once; return the names of those that have not taken it.

    They are told even if the person does not wait for it.
    """
    notify = context.ports.notify
    telling = asyncio.gather(
        *(notify(client.backchannel_logout_uri, {"logout_token": token}) for client, token in tokens)
    )
    _telling.add(telling)
    telling.add_done_callback(_telling.discard)
    told = await asyncio.shield(telling)
    return tuple(client.name or client.id for (client, _), taken in zip(tokens, told, strict=True) if not taken)
