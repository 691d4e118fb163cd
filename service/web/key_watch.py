"""Watches the key directory. When keys change, the running service gets the new key ring without a restart."""

import asyncio
import contextlib
from typing import Any

import structlog

from keys import KeyStore, KeyStoreError, Ring
from service.bags.snapshot import Snapshot
from service.web.runtime import Runtime

log = structlog.get_logger("satchel")

SECONDS = 2.0
"""Seconds between two checks of the directory, unless `keys.reload` requires shorter intervals."""


def load_keys(store: KeyStore) -> Ring:
    """Return the key ring in the directory of `store`.

    Raises:
        KeyStoreError: the directory cannot be read or holds no keys.
    """
    ring = store.load()
    if not ring.keys:
        raise KeyStoreError(store.directory, "holds no keys; create them with `make rotate-keys`")
    return ring


class KeyWatch:
    """Falcon middleware that watches the key directory while the application runs."""

    def __init__(self, runtime: Runtime, store: KeyStore) -> None:
        self._runtime = runtime
        self._store = store
        self._stamp: Any = None
        self._task: asyncio.Task[None] | None = None

    async def process_startup(self, scope: dict[str, Any], event: dict[str, Any]) -> None:
        """Start watching."""
        self._task = asyncio.create_task(self._watch())

    async def process_shutdown(self, scope: dict[str, Any], event: dict[str, Any]) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> None:
        """Load the ring if the directory has changed. If it cannot be loaded, the previous ring stays in use."""
        try:
            stamp = self._store.stamp()
            if stamp is not None and stamp == self._stamp and not self._runtime.fault:
                return
            ring = await asyncio.to_thread(load_keys, self._store)  # an RSA key takes 30 ms to check
        except (KeyStoreError, OSError) as fault:
            if self._runtime.fault != str(fault):
                log.error("key directory cannot be read, previous keys stay in use", fault=str(fault))
            self._runtime.fault = str(fault)
            await self._take_readable()
            return
        self._take(ring)
        self._stamp, self._runtime.fault = stamp, ""

    def _take(self, ring: Ring) -> None:
        runtime = self._runtime
        former = runtime.context.snapshot
        if ring != former.ring:
            runtime.context = runtime.context._replace(snapshot=Snapshot(ring, former.issuer, former.skew))
            log.info("keys loaded", kids=[key.kid for key in ring.keys])

    async def _take_readable(self) -> None:
        """Follow the files that can be read, though others cannot: a key whose file is gone was revoked.

        A key whose file is there and unreadable stays as it was. A directory without any key file is a lost mount, not
        a revocation of everything: all keys stay.
        """
        try:
            readable, unreadable = await asyncio.to_thread(self._store.load_readable)
        except (KeyStoreError, OSError):
            return
        kept = [key for key in self._runtime.context.snapshot.ring.keys if key.kid in unreadable]
        if readable.keys or kept:
            self._take(Ring([*readable.keys, *kept]))

    async def _watch(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(min(SECONDS, 0.4 * self._runtime.policy.reload))
