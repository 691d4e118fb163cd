"""The gunicorn settings of Satchel: `python -m gunicorn -c python:service.server.gunicorn_conf`.

The environment variables are `HOST`, `PORT`, `WORKERS` (0 or unset: one per core), `CONFIG` (the TOML file) and
`SATCHEL_STATE` (the directory of keys and memory). The master reads the TOML file, and all workers use what it read: a
worker that is replaced later does not read the file again. On SIGHUP, a child process first starts the application with
the new configuration. The workers are replaced only if that succeeds.

The master imports the code, which all workers share. Each worker has its own keys, memory connection and event loop.
"""

import asyncio
import contextlib
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from keys import KeyStoreError
from service.config import Config, ConfigError
from service.server.lifespan import Lifespan

REHEARSAL_SECONDS = 20

_host = os.environ.get("HOST") or "127.0.0.1"
_cores = len(os.sched_getaffinity(0))
_workers = os.environ.get("WORKERS", "")

bind = [f"{f'[{_host}]' if ':' in _host else _host}:{os.environ.get('PORT') or '8000'}"]
workers = _cores if _workers in {"", "0"} else _workers
worker_class = "service.server.worker.Worker"
backlog = 2048  # connections that wait in the kernel for a worker
worker_connections = 800  # per worker; below the usual limit of 1,024 open files
wsgi_app = "service.server.gunicorn_conf:application()"

keepalive = 10  # seconds; service.server.worker uses this limit for every wait for a peer, not only between requests
timeout = 30  # seconds without a heartbeat after which the master replaces a worker
graceful_timeout = 15  # seconds for running requests when a worker stops; longer than keepalive

limit_request_line = 4094  # a URL with a bag has 2,000 characters, a logout with hint and client id 3,000
limit_request_field_size = 16_384  # enough for a DPoP proof with an RSA key, an encrypted token, or all cookies
limit_request_fields = 100

control_socket_disable = True  # all instances of a user would share its path
forwarded_allow_ips = ""  # the issuer is configured, and the application handles trusted proxies itself
accesslog = None  # the application logs requests itself
errorlog = "-"

_config: Config | None = None  # the last valid configuration
_greeting = ""


def application() -> Any:
    """Return the ASGI application of a worker, made from the configuration that the master has read."""
    service = _service()
    return service.create_app(_config or service.load(_file()))


def on_starting(server: Any) -> None:
    """Read the configuration before any address is bound. If it has problems, print one per line and exit with 1.

    The configuration is read with `SATCHEL_BIND` in the environment: the addresses to bind, separated by commas.
    """
    global _config, _greeting
    os.environ["SATCHEL_BIND"] = ",".join(server.cfg.bind)
    _metrics().mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics())  # prometheus_client reads this when it is first imported
    try:
        _config = _service().load(_file())
        _greeting = _service().preflight(_config)
    except (ConfigError, KeyStoreError) as refused:
        sys.exit(str(refused))
    if _config.api.enabled and _config.api.bind:  # a change needs a restart, because a reload keeps the sockets
        server.cfg.set("bind", [*server.cfg.bind, _config.api.bind])


def when_ready(server: Any) -> None:
    """Delete the metrics of an earlier run, and make SIGHUP test the new configuration first."""
    _forget_metrics("*")
    replace_workers = server.handle_hup

    def handle_hup() -> None:
        global _config
        if not _rehearse(server):
            return
        try:
            _config = _service().load(_file())
        except BaseException as fault:  # the file has changed since the rehearsal; the workers keep what they have
            server.log.error("reload refused: %s", fault)
        else:
            replace_workers()

    server.handle_hup = handle_hup
    print(_greeting, end="", file=sys.stderr, flush=True)


def child_exit(server: Any, worker: Any) -> None:
    """Remove a worker that has ended from the gauges of live workers."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _rehearse(server: Any) -> bool:
    """Return whether the application of the configuration file starts and stops, in a child process.

    The child ends after `REHEARSAL_SECONDS`. Code that the file names can only harm the child.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(REHEARSAL_SECONDS)
            asyncio.run(_start_and_stop(_service().create_app(_service().load(_file()))))
            status = 0
        except BaseException as fault:
            for line in (str(fault) or type(fault).__name__).splitlines():
                server.log.error("reload refused: %s", line)
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    _forget_metrics(f"*_{child}.db")
    if status:
        server.log.error("reload refused: the workers keep the previous configuration")
    return status == 0


async def _start_and_stop(app: Any) -> None:
    lifespan = Lifespan(app)
    await lifespan.startup()
    await lifespan.shutdown()


def _service() -> Any:
    """Return the module of the application. It imports prometheus_client, so it is imported after `on_starting`."""
    return import_module("service.app")


def _file() -> str:
    return os.environ.get("CONFIG") or "demo.toml"


def _metrics() -> Path:
    return Path(os.environ.get("SATCHEL_STATE") or "var").absolute() / "metrics"


def _forget_metrics(pattern: str) -> None:
    for file in _metrics().glob(pattern):
        with contextlib.suppress(OSError):
            file.unlink()
