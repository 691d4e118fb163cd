"""The commands that need keys or memory: calling tokens back, and minting a code without a browser."""

import asyncio
import time

from service.app import create_context, key_store
from service.clients.registry import Registry
from service.config import Config
from service.decisions.resource_server.revoke import revoke_issued
from service.decisions.token.code import mint_code
from service.memory import open_memory
from service.protocol.pkce import challenge_octets


def revoke(config: Config, client: str, subject: str, family: str, everything: bool) -> str:
    """Void what has been issued until now; return what was done, and the memory in which that is written.

    The memory must be there: a revocation in a new, empty one would reach nobody.

    Raises:
        ValueError: nothing is named, or too much, or the memory is `none` and so cannot know.
        MemoryRefused: there is no memory yet.
        MemoryUnavailable, MemoryFull
    """
    if not (client or subject or family or everything):
        raise ValueError("name what is to be revoked: CLIENT=…, SUBJECT=…, FAMILY=… or ALL=1")
    if everything and (client or subject or family):
        raise ValueError("ALL=1 stands alone: it revokes whatever else could be named")
    if config.memory.kind == "none":
        raise ValueError("memory.kind is none: nothing can be revoked")

    async def run() -> str:
        memory = open_memory(config.memory, create=False)
        try:
            await memory.ready()
            await revoke_issued(memory, config, time.time(), client=client, subject=subject, family=family)
            return memory.identity
        finally:
            await memory.close()

    identity = asyncio.run(run())
    named = {"client": client, "subject": subject, "family": family}
    told = ", ".join(f"{what} {who}" for what, who in named.items() if who) or "everything"
    return f"revoked: {told}, issued until now; written to the memory {identity} at {config.memory.place}"


def code(config: Config, client_id: str, sub: str, scopes: str, redirect_uri: str, challenge: str) -> str:
    """Return an authorization code as a consent of `sub` would give it; for development.

    Raises:
        ValueError: the configuration is no demo, or the client is unknown.
        MemoryUnavailable, OAuthError, KeyStoreError
    """
    registry = Registry(config)
    if not config.demo:
        raise ValueError("demo: codes are minted by hand in a demo only")
    client = registry.clients.find(client_id)
    if client is None:
        raise ValueError(f"clients: no client has the id {client_id!r}")
    if client.require_pkce and not challenge:
        raise ValueError(f"{client_id} must use PKCE: give a --challenge (RFC 7636 section 4.2)")

    async def run() -> str:
        memory = open_memory(config.memory)
        try:
            await memory.ready()
            context = create_context(config, key_store(config), memory)
            return mint_code(
                context,
                time.time(),
                client_id=client_id,
                sub=sub,
                scopes=tuple(scopes.split()),
                redirect_uri=redirect_uri or None,
                challenge=challenge_octets(challenge, "S256") if challenge else b"",
            )
        finally:
            await memory.close()

    return asyncio.run(run())
