"""gunicorn's ASGI worker, plus limits on time, number and upgrades of connections, and a life beyond a bad reload.

One patience, gunicorn's `keepalive` setting in seconds, bounds whatever a peer can make us wait for
(service/server/http.py). One sweep for the whole worker, twenty times a patience, looks at all connections.
"""

# mypy: disable-error-code="no-untyped-call, union-attr"
# gunicorn has no annotations.

import asyncio
import gc
import time
from collections.abc import Mapping
from typing import Any

from gunicorn.asgi import parser as parsing
from gunicorn.asgi import protocol
from gunicorn.workers import gasgi

from service.server.http import Connection


class Worker(gasgi.ASGIWorker):
    """An event loop that serves at most `worker_connections` connections and survives a bad reload."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.patience = max(float(self.cfg.keepalive), 1.0)
        self.connections: set[Connection] = set()
        self.refused = 0
        self.endpoints: Mapping[str, Any] = {}

    def init_process(self) -> None:
        """Serve until told to stop.

        A worker of the first generation that cannot start takes the master down with it, which is gunicorn's way of
        refusing to start. A later one (a reload, a replacement) waits a second and makes room for the next try: the
        exit codes that stop a master would also stop the workers that still serve.
        """
        try:
            super().init_process()
        except BaseException as fault:
            if self.servers or self.age <= self.cfg.workers:
                raise
            self.log.error("this worker cannot start (%r); the next one tries in a second", fault)
            time.sleep(1)
            raise SystemExit(1) from None

    def load_wsgi(self) -> None:
        """Load the application; what is there by then is never garbage, and need not be looked at again."""
        super().load_wsgi()
        logged = self.log.access_log_enabled or protocol._pre_request_hook(self.cfg, self.log)
        if not (logged or protocol._post_request_hook(self.cfg)):
            self.endpoints = getattr(self.asgi, "endpoints", {})
        gc.collect()
        gc.freeze()

    async def _serve(self) -> None:
        sweeper = asyncio.ensure_future(self._sweep())
        try:
            await super()._serve()
        finally:
            sweeper.cancel()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self.patience / 20)
            now = self.loop.time()
            for connection in [each for each in self.connections if each.overdue(now)]:
                connection.expire()
            if self.refused:
                self.log.warning("%d connections refused: %d are open", self.refused, self.nr_conns)
                self.refused = 0


# gunicorn has no setting for these: which class speaks to a connection, what the Server header says, and which fields
# besides Host and Content-Type may come only once (RFC 9110 section 5.3).
gasgi.ASGIProtocol = Connection  # type: ignore[attr-defined]
protocol._CACHED_SERVER_HEADER = b""
parsing.RFC9110_5_3_SINGLETON_FIELDS |= {b"authorization"}
