"""A small ASGI application in the place of `service.app`, served by the real gunicorn settings in a process of its own.

`python -m tests.server.toy_service` is `python -m gunicorn -c python:service.server.gunicorn_conf` with this module
standing in for `service.app`; `serving(...)` runs that for a test.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parents[2]
BODY_LIMIT = 65_536


class ToyConfig(dict):
    """A file's members, and as much of a configuration as gunicorn's settings look at."""

    api = SimpleNamespace(enabled=False, bind="")


def load(path):
    """Read a TOML file with a string `name` and, if it likes, a path `keys` that the application opens."""
    from service.config import ConfigError, Problem

    try:
        config = tomllib.loads(Path(path).read_text())
    except (OSError, ValueError) as fault:
        raise ConfigError(str(path), [Problem("", str(fault))]) from None
    problems = [Problem(name, "no such setting") for name in config if name not in {"name", "keys"}]
    problems += [] if isinstance(config.get("name"), str) else [Problem("name", "expected a string")]
    if problems:
        raise ConfigError(str(path), problems)
    return ToyConfig(config)


def create_app(config):
    if "keys" in config:
        Path(config["keys"]).read_bytes()
    import prometheus_client

    registry = prometheus_client.CollectorRegistry()
    requests = prometheus_client.Counter("requests", "Requests.", registry=registry)

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        requests.inc()
        status, body = 200, b""
        if scope["path"] == "/flood":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(512):
                await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
            await send({"type": "http.response.body"})
            return
        if scope["path"] == "/crash":
            raise RuntimeError("a secret that no client may see")
        while scope["path"] != "/unread":
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            if len(body) > BODY_LIMIT:
                status = 413
                break
            if not message["more_body"]:
                break
        status = 413 if scope["path"] == "/unread" else status
        seen = {
            "type": scope["type"],
            "method": scope["method"],
            "path": scope["path"],
            "scheme": scope["scheme"],
            "body": len(body),
            "headers": [name.decode() for name, _ in scope["headers"]],
            "name": config["name"],
            "pid": os.getpid(),
            "bind": os.environ["SATCHEL_BIND"],
        }
        answer = json.dumps(seen).encode() if scope["path"] != "/page" else bytes(48_000)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    app.endpoints = {f"/whole/{name}": name for name in ("echo", "page", "slow", "crash", "split")}
    app.answer = answer_whole
    return app


async def answer_whole(endpoint, scope, body):
    """Answer a request that the worker hands over as a whole."""
    headers = [(b"content-type", b"application/json"), (b"x-path", scope["path"].encode())]
    if endpoint == "crash":
        raise RuntimeError("a secret that no client may see")
    if endpoint == "split":
        headers.append((b"x-echo", body))
    if endpoint == "slow":
        print("slow begun", flush=True)
        await asyncio.sleep(0.5)
        print("slow answered", flush=True)
    seen = {"path": scope["path"], "whole": len(body), "headers": [name.decode() for name, _ in scope["headers"]]}
    return 200, headers, bytes(48_000) if endpoint == "page" else json.dumps(seen).encode()


class Serving:
    """A gunicorn process of a test: its port, its configuration file, its log."""

    def __init__(self, process, directory):
        self.process = process
        self.directory = directory
        self.config = directory / "toy.toml"
        self.port = 0

    @property
    def log(self):
        return (self.directory / "log").read_text()

    def until(self, pattern, seconds=10):
        """Return the first match of `pattern` in the log, waiting up to `seconds` for it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if match := re.search(pattern, self.log):
                return match
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} in the log:\n{self.log}")

    def signal(self, number):
        self.process.send_signal(number)


@contextlib.contextmanager
def serving(*options: str, config: str = 'name = "first"', workers: int = 1, ready: bool = True) -> Iterator[Serving]:
    """Serve on an ephemeral loopback port; `options` are gunicorn's, after those of the real settings."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "toy.toml").write_text(config)
        environ = os.environ | {
            "PORT": "0",
            "WORKERS": str(workers),
            "CONFIG": str(directory / "toy.toml"),
            "SATCHEL_STATE": str(directory / "state"),
        }
        with (directory / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.server.toy_service", *options],
                cwd=ROOT,
                env=environ,
                stdout=log,
                stderr=log,
            )
        server = Serving(process, directory)
        try:
            if ready:
                server.port = int(server.until(r"Listening at: http://127\.0\.0\.1:(\d+)").group(1))
                server.until("(?s)" + "ASGI server listening.*" * workers)
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def preflight(config):
    return ""


if __name__ == "__main__":
    import service

    sys.modules["service.app"] = service.app = sys.modules["__main__"]
    from gunicorn.app.wsgiapp import run

    sys.argv[1:1] = ["-c", "python:service.server.gunicorn_conf"]
    run()
