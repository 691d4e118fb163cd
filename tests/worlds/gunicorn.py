"""Satchel as gunicorn serves it."""

import asyncio
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from service.app import create_context, key_store, load
from service.decisions.context import Context
from service.memory import open_memory
from tests.worlds.demo import CXF, DEMO, ROOT
from tests.worlds.http import Answer, form_bytes
from tests.worlds.ports import free_port


class Running:
    """Satchel behind gunicorn, on a free port of loopback, with a state directory of its own."""

    def __init__(self, directory: Path, toml: str | None = None, workers: int = 2) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.state = directory / "var"
        self.config = directory / "satchel.toml"
        self.config.write_text(DEMO if toml is None else toml)
        self.log_file = directory / "log"
        self.environ = {
            **os.environ,
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
            "WORKERS": str(workers),
            "CONFIG": str(self.config),
            "SATCHEL_STATE": str(self.state),
        }

    def keys(self, *arguments: str) -> str:
        """Run `python -m keys` on this server's ring; return what it prints."""
        command = [sys.executable, "-m", "keys", *arguments, "--config", str(self.config)]
        done = subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def __enter__(self) -> Self:
        self.keys("init")
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "python:service.server.gunicorn_conf"],
                cwd=ROOT,
                env=self.environ,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                if self.request("GET", "/healthz").status == 200:
                    return self
            except OSError:
                assert self.process.poll() is None, self.log_file.read_text()
                time.sleep(0.05)
        raise AssertionError(self.log_file.read_text())

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send one request on a connection of its own."""
        request = urllib.request.Request(self.url + path, data=body, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, response.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, {k.lower(): v for k, v in refused.headers.items()}, refused.read())

    def post(self, path: str, form: dict[str, Any] | bytes | str, headers: dict[str, str] | None = None) -> Answer:
        """POST a form."""
        return self.request("POST", path, form_bytes(form), headers)

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        """GET a path."""
        return self.request("GET", path, headers=headers)

    def token(self, **form: Any) -> str:
        """An access token for the demo client."""
        answer = self.post("/token", {"grant_type": "client_credentials", **form}, CXF)
        assert answer.status == 200, answer.body
        return str(answer.json()["access_token"])


def context_of(server: Running) -> Context:
    """A context that can mint codes for a running server."""
    config = load(server.config, server.environ)
    memory = open_memory(config.memory)

    async def identity() -> str:
        try:
            return (await memory.ready()).identity
        finally:
            await memory.close()

    memory_known: Any = SimpleNamespace(identity=asyncio.run(identity()))
    return create_context(config, key_store(config), memory_known)
