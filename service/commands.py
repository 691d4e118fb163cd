"""The commands that need the keys or the memory: `revoke`, and `code` for demos."""

import asyncio
import time

from keys import Key, KeyStoreError
from service.app import create_context, key_store
from service.clients.registry import Registry
from service.config import Config
from service.decisions.resource_server.revoke import revoke_issued
from service.decisions.token.code import mint_code
from service.memory import open_memory
from service.protocol.pkce import challenge_octets


def revoke(config: Config, client: str, subject: str, family: str, everything: bool) -> str:
    """Revoke what was issued so far to `client`, for `subject`, in `family`, or everything; return a report.

    The memory must exist: a revocation in a new, empty memory would have no effect on the running service.

    Raises:
        ValueError: nothing or too much is named, or `memory.kind` is "none".
        MemoryRefused: the memory does not exist yet.
        MemoryUnavailable, MemoryFull
    """
    if not (client or subject or family or everything):
        raise ValueError("name what to revoke: CLIENT=…, SUBJECT=…, FAMILY=… or ALL=1")
    if everything and (client or subject or family):
        raise ValueError("ALL=1 revokes everything and excludes CLIENT, SUBJECT and FAMILY")
    if config.memory.kind == "none":
        raise ValueError("nothing can be revoked: memory.kind is none")

    keys, warning = tuple[Key, ...](), ""
    try:
        keys = key_store(config).load_readable()[0].keys
    except KeyStoreError as fault:
        warning = (
            f"\nThe keys cannot be read ({fault}). Revoke again when they can: until then old lifetimes are not known."
        )

    async def run() -> str:
        memory = open_memory(config.memory, create=False, skew=config.keys.skew)
        try:
            status = await memory.ready()
            now = time.time()
            await revoke_issued(memory, config, now, client=client, subject=subject, family=family, keys=keys)
            return status.identity
        finally:
            await memory.close()

    identity = asyncio.run(run())
    named = {"client": client, "subject": subject, "family": family}
    told = ", ".join(f"{what} {who}" for what, who in named.items() if who) or "everything"
    return f"revoked: {told}, issued until now; written to the memory {identity} at {config.memory.place}{warning}"


def code(config: Config, client_id: str, sub: str, scopes: str, redirect_uri: str, challenge: str) -> str:
    """Return an authorization code, as if the user `sub` had consented; for development.

    Raises:
        ValueError: the configuration is not a demo, or the client is unknown.
        MemoryUnavailable, OAuthError, KeyStoreError
    """
    registry = Registry(config)
    if not config.demo:
        raise ValueError("this command works with demo = true only")
    client = registry.clients.find(client_id)
    if client is None:
        raise ValueError(f"no client has the id {client_id!r}")
    if client.require_pkce and not challenge:
        raise ValueError(f"client {client_id!r} must use PKCE: pass --challenge (RFC 7636 section 4.2)")

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
