"""How gunicorn serves Satchel: `python -m gunicorn -c python:service.server.gunicorn_conf`.

The environment chooses `HOST`, `PORT`, `WORKERS` (0 or unset: one a core), `CONFIG` (the TOML file) and `SATCHEL_STATE`
(the directory of keys and memory). The master reads the TOML file, and its workers inherit what it read: a worker that
is replaced later starts from what was good, whatever the file says by then. SIGHUP boots the new configuration in a
child of its own first; only if that succeeds are the workers replaced.

The application's code is imported by the master and shared; keys, memory and event loop are each worker's own.
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
worker_connections = 800  # a worker, under the usual limit of 1,024 open files
wsgi_app = "service.server.gunicorn_conf:application()"

keepalive = 10  # seconds; service.server.worker bounds every wait for a peer by it, not only the idle one
timeout = 30  # seconds without a sign of life before the master replaces a worker
graceful_timeout = 15  # seconds for what is in flight when a worker stops: more than one patience

limit_request_line = 4094  # a URL that carries a bag has 2,000 characters, a logout with hint and client id 3,000
limit_request_field_size = 8190  # a DPoP proof with an RSA key, a token sealed to a resource server, a full cookie jar
limit_request_fields = 100

control_socket_disable = True  # its path is shared by all instances of a user
forwarded_allow_ips = ""  # the issuer is a constant, and the application knows its proxies by itself
accesslog = None  # the application writes its own line a request
errorlog = "-"

_config: Config | None = None  # the last good one
_greeting = ""


def application() -> Any:
    """Build a worker's ASGI application from the configuration that the master found good."""
    service = _service()
    return service.create_app(_config or service.load(_file()))


def on_starting(server: Any) -> None:
    """Read the configuration before anything is bound; exit 1 with every problem, one a line, if it is refused.

    It is read with `SATCHEL_BIND` in the environment: the addresses to be bound, separated by commas.
    """
    global _config, _greeting
    os.environ["SATCHEL_BIND"] = ",".join(server.cfg.bind)
    _metrics().mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics())  # prometheus_client looks once, when it is first imported
    try:
        _config = _service().load(_file())
        _greeting = _service().preflight(_config)
    except (ConfigError, KeyStoreError) as refused:
        sys.exit(str(refused))
    if _config.api.enabled and _config.api.bind:  # another takes a restart: sockets outlive a reload
        server.cfg.set("bind", [*server.cfg.bind, _config.api.bind])


def when_ready(server: Any) -> None:
    """Drop the metrics of an earlier run, now that the address is ours, and put the rehearsal before SIGHUP."""
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
    """Take a worker that is gone out of the gauges that count the living."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _rehearse(server: Any) -> bool:
    """Tell whether the application of the configuration file starts and stops, in a child process of at most
    `REHEARSAL_SECONDS`. Whatever the file and the modules that it names do, they do it to the child.
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
        server.log.error("reload refused: the workers keep the configuration they have")
    return status == 0


async def _start_and_stop(app: Any) -> None:
    lifespan = Lifespan(app)
    await lifespan.startup()
    await lifespan.shutdown()


def _service() -> Any:
    """The application's module, which may import prometheus_client and so must wait for `on_starting`."""
    return import_module("service.app")


def _file() -> str:
    return os.environ.get("CONFIG") or "demo.toml"


def _metrics() -> Path:
    return Path(os.environ.get("SATCHEL_STATE") or "var").absolute() / "metrics"


def _forget_metrics(pattern: str) -> None:
    for file in _metrics().glob(pattern):
        with contextlib.suppress(OSError):
            file.unlink()
