"""Satchel as the tests drive it."""

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from keys import KeyStore
from service.app import create_app, key_store, load
from service.decisions.context import Context
from service.decisions.token.code import mint_code
from service.memory import Memory
from tests.worlds.demo import API_SERVER, CXF
from tests.worlds.http import Answer, form_bytes
from tests.worlds.quick import SavedRing, first_ring

NOW = 1_800_000_000


class Satchel:
    """The application in this process: requests go straight to the ASGI callable, the clock stands still."""

    def __init__(self, directory: Path, toml: str, memory: Memory | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.file = directory / "satchel.toml"
        self.file.write_text(toml)
        self.now = float(NOW)
        self.lines: list[bytes] = []
        self.config = load(self.file, {"SATCHEL_STATE": str(directory / "var")})
        store = key_store(self.config)
        self.store: KeyStore = SavedRing(store.directory, store._master_key)
        with self.store.lock():
            self.store.save(first_ring(self.config.keys, NOW))
        self.app = create_app(
            self.config, store=self.store, memory=memory, clock=lambda: self.now, write=self.lines.append
        )

    def reconfigure(self, *changes: tuple[str, str]) -> None:
        """Go on as another node on the same keys and memory, whose configuration has these texts replaced."""
        text, memory = self.file.read_text(), self.context.memory
        for before, after in changes:
            assert before in text, before
            text = text.replace(before, after)
        self.file.write_text(text)
        self.config = load(self.file, {"SATCHEL_STATE": str(self.file.parent / "var")})
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

    def introspect(self, token: str, caller: dict[str, str] = API_SERVER) -> Answer:
        """The introspection of `token` by a resource server."""
        return self.post("/introspect", {"token": token}, caller)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log's lines."""
        return [json.loads(line) for line in self.lines]
