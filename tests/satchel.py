"""Satchel as the tests drive it."""

import asyncio
import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from keys import KeyStore, Ring, rotate
from service.app import create_app, key_store, load
from service.decisions.context import Context
from service.decisions.token.code import mint_code
from service.memory import Memory

ROOT = Path(__file__).parent.parent
DEMO = (ROOT / "demo.toml").read_text()
_DEVICE = re.compile(r"# A device without.*?(?=# The two resource servers)", re.DOTALL)
_SIGNED_OUT = re.compile(r"^post_logout_redirect_uris = .*\n", re.MULTILINE)
MACHINES = _SIGNED_OUT.sub("", _DEVICE.sub("", DEMO)).replace("[openid]\nenabled = true\n", "")
"""The demo without what needs people: no OpenID Connect, no device."""
NOW = 1_800_000_000


def basic(client_id: str, secret: str) -> dict[str, str]:
    """An Authorization header (RFC 6749 section 2.3.1)."""
    pair = f"{urllib.parse.quote_plus(client_id)}:{urllib.parse.quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


CXF = basic("123456789", "987654321")
API = basic("api", "api-secret")
VAULT = basic("vault", "vault-secret")


@dataclass
class Answer:
    """An HTTP answer; header names are in lower case."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def form_bytes(form: dict[str, Any] | bytes | str) -> bytes:
    """A form body; a list is a repeated parameter."""
    if isinstance(form, bytes):
        return form
    return (form if isinstance(form, str) else urllib.parse.urlencode(form, doseq=True)).encode()


class Satchel:
    """The application in this process: requests go straight to the ASGI callable, the clock stands still."""

    def __init__(self, directory: Path, toml: str, memory: Memory | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.file = directory / "satchel.toml"
        self.file.write_text(toml)
        self.now = float(NOW)
        self.lines: list[bytes] = []
        self.config = load(self.file, {"SATCHEL_STATE": str(directory / "var")})
        self.store: KeyStore = key_store(self.config)
        with self.store.lock():
            self.store.save(rotate(Ring(), self.config.keys, NOW))
        self.app = create_app(
            self.config, store=self.store, memory=memory, clock=lambda: self.now, write=self.lines.append
        )

    @property
    def context(self) -> Context:
        """What the application decides with now."""
        return self.app.runtime.context

    def code(self, **members: Any) -> str:
        """An authorization code; the members of `mint_code` override those of the demo client."""
        grant = {"client_id": "123456789", "sub": "alice", "scopes": ("read", "write"), **members}
        return mint_code(self.context, self.now, **grant)

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | list[tuple[str, str]] | None = None,
        client: str = "127.0.0.1",
    ) -> Answer:
        """Send one request; `path` may carry a query."""
        items = headers.items() if isinstance(headers, dict) else headers or []
        raw, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": urllib.parse.unquote(raw),
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in items],
            "client": (client, 40000),
            "server": ("127.0.0.1", 8000),
        }
        answer = Answer()
        events = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return events.pop(0) if events else {"type": "http.disconnect"}

        async def send(event: dict[str, Any]) -> None:
            if event["type"] == "http.response.start":
                answer.status = event["status"]
                answer.headers = {name.decode().lower(): value.decode() for name, value in event["headers"]}
            else:
                answer.body += event.get("body", b"")

        asyncio.run(self.app(scope, receive, send))
        return answer

    def post(
        self, path: str, form: dict[str, Any] | bytes | str = b"", headers: dict[str, str] | None = None, **more: Any
    ) -> Answer:
        """POST a form."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", path, form_bytes(form), {**kind, **(headers or {})}, **more)

    def get(self, path: str, headers: dict[str, str] | None = None, **more: Any) -> Answer:
        """GET a path."""
        return self.request("GET", path, headers=headers, **more)

    def token(self, **form: Any) -> str:
        """An access token for the demo client."""
        answer = self.post("/token", {"grant_type": "client_credentials", **form}, CXF)
        assert answer.status == 200, answer.body
        return str(answer.json()["access_token"])

    def introspect(self, token: str, caller: dict[str, str] = API) -> Answer:
        """The introspection of `token` by a resource server."""
        return self.post("/introspect", {"token": token}, caller)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log's lines."""
        return [json.loads(line) for line in self.lines]


class Running:
    """Satchel behind gunicorn, on a free port of loopback, with a state directory of its own."""

    def __init__(self, directory: Path, toml: str | None = None, workers: int = 2) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = int(listener.getsockname()[1])
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
