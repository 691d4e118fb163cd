"""Back-channel logout: telling a session's clients that the session has ended (OIDC Back-Channel Logout section 2)."""

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
"""Lifetime of a logout token, in seconds."""
_pending: set[asyncio.Future[list[bool]]] = set()
"""Deliveries under way; the references keep them alive when nobody waits for them any more."""
_EVENTS: dict[str, dict[str, str]] = {"http://schemas.openid.net/event/backchannel-logout": {}}


def logout_tokens(context: Context, session: Session, now: float) -> list[tuple[Client, str]]:
    """Return a logout token for each client of `session` that has a backchannel_logout_uri.

    Raises:
        NoActiveKey: the key ring has no active key for a client's algorithm.
    """
    by_digest = {client_digest(client.id): client for client in context.registry.config.clients}
    clients = [by_digest[entry.client] for entry in session.clients if entry.client in by_digest]
    return [
        (client, _logout_token(context, session, client, int(now)))
        for client in clients
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


def send_logout_tokens(context: Context, tokens: list[tuple[Client, str]]) -> asyncio.Future[list[bool]]:
    """Send the logout tokens concurrently; the result tells of each whether its client accepted it.

    The delivery goes on even if nobody waits for it.
    """
    notify = context.ports.notify
    delivery = asyncio.gather(
        *(notify(client.backchannel_logout_uri, {"logout_token": token}) for client, token in tokens)
    )
    _pending.add(delivery)
    delivery.add_done_callback(_pending.discard)
    return delivery
