"""A gunicorn worker on its public interface (`gunicorn.workers.base.Worker`): an event loop that serves connections.

One patience, gunicorn's `keepalive` setting in seconds, bounds whatever a peer can make the worker wait for
(service/server/http.py). One sweep for the whole worker, twenty times a patience, looks at all connections.
"""

# mypy: disable-error-code="no-untyped-call"
# gunicorn has no annotations.

import asyncio
import gc
import os
import signal
import time
from collections.abc import Mapping
from functools import partial
from logging import Logger
from typing import Any

import uvloop
from gunicorn.workers.base import Worker as GunicornWorker

from service.server.http import Connection
from service.server.lifespan import Lifespan


class Worker(GunicornWorker):
    """Serves at most `worker_connections` connections at a time, and survives a bad reload."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.patience = max(float(self.cfg.keepalive), 1.0)
        self.worker_connections: int = self.cfg.worker_connections
        self.line_limit: int = self.cfg.limit_request_line
        self.field_limit: int = self.cfg.limit_request_field_size
        self.fields_limit: int = self.cfg.limit_request_fields
        self.open: set[Connection] = set()
        self.refused = 0
        self.accepting = True
        self.endpoints: Mapping[str, Any] = {}
        self.state: dict[str, Any] = {}
        self.application: Any = None
        self.loop: asyncio.AbstractEventLoop
        self.log: Logger

    def init_process(self) -> None:
        """Serve until the master stops this worker.

        If one of the first workers cannot start, gunicorn stops the service. If a later worker cannot start (after a
        reload, or as a replacement), it waits a second and exits with a code that does not stop the master, so the
        other workers keep serving and the master tries again.
        """
        try:
            super().init_process()
        except BaseException as fault:
            if self.booted or self.age <= self.cfg.workers:
                raise
            self.log.error("worker cannot start (%r); the next attempt is in a second", fault)
            time.sleep(1)
            raise SystemExit(1) from None

    def init_signals(self) -> None:
        """Leave the signals to the event loop, which takes them over in `run`."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.signal(signal.SIGABRT, self.handle_abort)
        signal.siginterrupt(signal.SIGUSR1, False)

    def load_wsgi(self) -> None:
        """Load the application, and exclude all objects that exist by then from garbage collection."""
        super().load_wsgi()
        self.application = self.wsgi
        self.endpoints = getattr(self.application, "endpoints", {})
        gc.collect()
        gc.freeze()

    def run(self) -> None:
        """Serve until the master says to stop, or is gone."""
        self.booted = False  # until the application has started
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            self.loop.add_signal_handler(number, partial(self._stop, number, stop))
        lifespan = Lifespan(self.application)
        await lifespan.startup()
        self.state = lifespan.state
        servers = [await self._listen(listener) for listener in self.sockets]
        self.booted = True
        self.log.info("ASGI server listening: worker %s", os.getpid())
        chores = [asyncio.create_task(self._sweep()), asyncio.create_task(self._report(stop))]
        try:
            await stop.wait()
            self.accepting = False
            self.log.info("Worker shutting down")
            for server in servers:
                server.close()
            if self.alive:  # SIGQUIT and SIGINT wait for nothing
                await self._drain()
        finally:
            for chore in chores:
                chore.cancel()
            for connection in list(self.open):
                connection.transport.abort()
            await lifespan.shutdown()

    async def _listen(self, listener: Any) -> asyncio.Server:
        """Serve on one of gunicorn's listening sockets, with its backlog: listening again would else shorten it."""
        create = self.loop.create_unix_server if isinstance(listener.getsockname(), str) else self.loop.create_server
        listener.sock.setblocking(False)
        return await create(lambda: Connection(self), sock=listener.sock, backlog=self.cfg.backlog)

    def _stop(self, number: int, stop: asyncio.Event) -> None:
        self.alive = number == signal.SIGTERM
        stop.set()

    async def _report(self, stop: asyncio.Event) -> None:
        """Show the master that this worker lives; stop when the master is gone."""
        while True:
            self.notify()
            if os.getppid() != self.ppid:
                self.log.info("the master is gone")
                self._stop(signal.SIGTERM, stop)
                return
            await asyncio.sleep(1)

    async def _drain(self) -> None:
        """Wait for what is in flight, as long as gunicorn's `graceful_timeout` (seconds) allows."""
        deadline = self.loop.time() + self.cfg.graceful_timeout
        while self.open and self.loop.time() < deadline:  # noqa: ASYNC110 - connections tell nobody that they end
            await asyncio.sleep(0.05)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self.patience / 20)
            now = self.loop.time()
            for connection in [each for each in self.open if each.overdue(now)]:
                connection.expire()
            if self.refused:
                self.log.warning("%d connections refused: %d are open", self.refused, len(self.open))
                self.refused = 0
