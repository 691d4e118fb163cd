"""Real Redis servers, each on a port of its own on the loopback, with a directory of its own."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds import programs
from tests.worlds.ports import free_port

needs_redis = pytest.mark.external("redis-server")
needs_cluster = pytest.mark.external("redis-server", "redis-cli")


class RedisServer:
    """One process of redis-server, which can be killed, stopped and begun again."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self.home.mkdir(parents=True, exist_ok=True)
        self.port = free_port(bus=True)
        self.options = options
        self.environ: dict[str, str] | None = None
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def arguments(self) -> list[str]:
        own = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.home), "--save", ""]
        return [*own, *self.options]

    def start(self) -> RedisServer:
        with (self.home / "log").open("ab") as log:
            command = [programs.path("redis-server"), *self.arguments()]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environ)
        for _ in range(500):
            with contextlib.suppress(OSError):
                answer = self.send("INFO", "server")
                # Another's server may have taken the port in between.
                if answer.startswith(b"-NOAUTH") or f"process_id:{self.process.pid}\r".encode() in answer:
                    return self
            assert self.process.poll() is None, (self.home / "log").read_text()
            time.sleep(0.02)
        raise AssertionError((self.home / "log").read_text())

    def send(self, *words: str) -> bytes:
        """Send one command on a connection of its own; give the first bytes of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
            connection.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
            return connection.recv(65536)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            self.signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(10)
            self.process = None


@contextlib.contextmanager
def redis_server(home: Path, *options: str) -> Iterator[RedisServer]:
    server = RedisServer(home, *options).start()
    try:
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def redis_cluster(home: Path) -> Iterator[list[RedisServer]]:
    """Three primaries, which share the slots."""
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--appendonly", "yes")
    servers = [RedisServer(home / str(n), *options) for n in range(3)]
    try:
        for server in servers:
            server.start()
        nodes = [f"127.0.0.1:{server.port}" for server in servers]
        subprocess.run(
            [programs.path("redis-cli"), "--cluster", "create", *nodes, "--cluster-yes"],
            check=True,
            capture_output=True,
        )
        for server in servers:
            for _ in range(500):
                if b"cluster_state:ok" in server.send("CLUSTER", "INFO"):
                    break
                time.sleep(0.02)
            else:
                raise AssertionError("the cluster did not form")
        yield servers
    finally:
        for server in servers:
            server.kill()
