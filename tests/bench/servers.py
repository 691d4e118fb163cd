"""The servers that are measured: gunicorn on a free port of loopback, started and ended by process id."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from gunicorn.config import Config

from service.server import gunicorn_conf
from tests.bench.load import Answer, LoadFailed, Request, ask
from tests.bench.requests import OIDC_PROVIDER_TOKEN
from tests.worlds.demo import ROOT
from tests.worlds.gunicorn import Running
from tests.worlds.ports import free_port

OIDC_PROVIDER = Path(__file__).parent / "oidc_provider"
_START_SECONDS = 30
_STOP_SECONDS = 20


class ServerFailed(Exception):
    """A server does not start, or its worker is not the one that it was."""


class Server:
    """A server and its workers; entering starts it, and waits until it has answered `probe`."""

    def __init__(self, configuration: str, port: int, environ: dict[str, str], log: Path, probe: Request) -> None:
        self.port = port
        self.first_answer = 0.0  # seconds from the start of gunicorn
        self.answer: Answer | None = None  # the first
        self._command = [sys.executable, "-m", "gunicorn", "-c", configuration]
        self._cwd = ROOT
        self._environ = environ
        self._log = log
        self._probe = probe

    def __enter__(self) -> Self:
        began = time.perf_counter()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, cwd=self._cwd, env=self._environ, stdout=log, stderr=log)
        try:
            while self.answer is None:
                if self._process.poll() is not None or time.perf_counter() > began + _START_SECONDS:
                    raise ServerFailed(self._log.read_text(errors="replace"))
                try:
                    self.answer = ask(self.port, self._probe)
                except OSError:
                    time.sleep(0.005)
            self.first_answer = time.perf_counter() - began
        except LoadFailed as fault:
            self.__exit__()
            raise ServerFailed(f"{fault}\n{self._log.read_text(errors='replace')}") from None
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        processes = self._workers()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            for pid in processes:
                os.kill(pid, 9)

    @property
    def worker(self) -> int:
        """Process id of the only worker.

        Raises:
            ServerFailed: there is none, or more than one.
        """
        workers = self._workers()
        if len(workers) != 1:
            raise ServerFailed(f"not one worker but {len(workers)}\n{self._log.read_text(errors='replace')}")
        return workers[0]

    def await_workers(self, count: int) -> None:
        """Wait until `count` workers serve; at first there may be one.

        Raises:
            ServerFailed: they do not in time.
        """
        deadline = time.perf_counter() + _START_SECONDS
        while self._log.read_text(errors="replace").count("ASGI server listening") < count:
            if time.perf_counter() > deadline:
                raise ServerFailed(f"not {count} workers\n{self._log.read_text(errors='replace')}")
            time.sleep(0.05)

    def processor_seconds(self) -> float:
        """Processor time that the worker has had, with all of its threads."""
        return _processor_seconds(self.worker)

    def each_processor_seconds(self) -> dict[int, float]:
        """Processor time that each worker has had, by process id."""
        return {pid: _processor_seconds(pid) for pid in self._workers()}

    def resident_kib(self) -> int:
        """Memory of the worker that is resident (VmRSS), in KiB."""
        status = Path(f"/proc/{self.worker}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def _workers(self) -> list[int]:
        pid = self._process.pid
        try:
            return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            return []


def _processor_seconds(pid: int) -> float:
    # The clock of another process by Linux's numbering; /proc has steps of 10 ms, too coarse for a round.
    return time.clock_gettime(~pid << 3 | 2)


def satchel(prepared: Running, probe: Request) -> Server:
    """Return Satchel as `make run` serves it, as `prepared` has it, with its log in a file."""
    prepared.keys("init")
    return Server("python:service.server.gunicorn_conf", prepared.port, prepared.environ, prepared.log_file, probe)


@contextmanager
def bare_asgi(directory: Path, application: str, probe: Request, same_as: Answer) -> Iterator[Server]:
    """Run an application of tests.bench.bare_asgi behind Satchel's worker, with Satchel's gunicorn settings.

    It answers with the headers of `same_as`, and with as many bytes.
    """
    known = Config().settings
    settings = {name: value for name, value in vars(gunicorn_conf).items() if name in known and not callable(value)}
    settings["wsgi_app"] = f"tests.bench.bare_asgi:{application}"
    answer = {"headers": [pair for pair in same_as.headers if pair[0] != "date"], "size": len(same_as.body)}
    with _other(directory, settings, probe, {"BENCH_ANSWER": json.dumps(answer)}) as server:
        if _shape(server.answer) != _shape(same_as):
            raise ServerFailed("the bare application's answer is not shaped like ours")
        yield server


def authlib(directory: Path, probe: Request) -> Server:
    """Return tests.bench.authlib_flask: one process of threads, which keeps connections alive.

    (The sync worker, which does not, served fewer.)
    """
    settings = {"wsgi_app": "tests.bench.authlib_flask:app", "worker_class": "gthread", "threads": 4}
    return _other(directory, {**settings, "keepalive": 10, "control_socket_disable": True}, probe, {})


class _OidcProvider(Server):
    """node-oidc-provider in `directory`, which is its own worker."""

    def __init__(self, directory: Path, format: str) -> None:
        port = free_port()
        environ = {**os.environ, "NODE_ENV": "production", "PORT": str(port), "FORMAT": format}
        super().__init__("", port, environ, directory / f"{format}.log", OIDC_PROVIDER_TOKEN)
        self._command, self._cwd = ["node", "server.mjs"], directory

    def _workers(self) -> list[int]:
        return [self._process.pid]


def oidc_provider(directory: Path, format: str) -> Server:
    """Return node-oidc-provider, whose access tokens have `format`: jwt (ES256) or opaque.

    Raises:
        ServerFailed: npm cannot install it.
    """
    if not directory.exists():
        shutil.copytree(OIDC_PROVIDER, directory)
        npm = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
        done = subprocess.run(npm, cwd=directory, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise ServerFailed(f"npm cannot install oidc-provider: {done.stderr}")
    return _OidcProvider(directory, format)


def _shape(answer: Answer | None) -> tuple[int, list[str]]:
    return (0, []) if answer is None else (len(answer.body), sorted(name for name, _ in answer.headers))


def _other(directory: Path, settings: dict[str, Any], probe: Request, environ: dict[str, str]) -> Server:
    directory.mkdir(parents=True)
    port = free_port()
    settings = {**settings, "bind": [f"127.0.0.1:{port}"], "workers": 1}
    file = directory / "gunicorn_settings.py"
    file.write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))
    return Server(str(file), port, {**os.environ, **environ}, directory / "log", probe)
