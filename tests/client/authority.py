"""A token server of the tests' own: it answers as it is told, and keeps what it was asked."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs

Reply = tuple[int, dict[str, str], Any]


class Asked(NamedTuple):
    """A request; header names are in lower case, and a form has the first value of each parameter."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


def grant(expires_in: Any = 600, **members: Any) -> Reply:
    """The answer with token `t`, or as the members say."""
    return 200, {}, {"access_token": "t", "token_type": "Bearer", "expires_in": expires_in, **members}


def refuse(error: str, status: int = 400, **headers: str) -> Reply:
    """An error response."""
    return status, headers, {"error": error}


class Authority:
    """Serves on a free port of loopback while entered; each token is another one unless `reply` is replaced."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.delay = 0.0
        self.reply: Callable[[Asked], Reply] = lambda _: grant(access_token=f"t{len(self.tokens)}")
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:
                    self.close_connection = True

            def answer(self) -> None:
                asked = Asked(
                    self.command,
                    self.path,
                    {name.lower(): value for name, value in self.headers.items()},
                    self.body(),
                )
                authority.asked.append(asked)
                status, headers, body = authority.respond(asked)
                time.sleep(authority.delay)
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    if name != "Date":
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def body(self) -> bytes:
                if self.headers.get("transfer-encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("content-length", 0)))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            do_GET = do_POST = do_PUT = answer

            def date_time_string(self, timestamp: float | None = None) -> str:
                return authority.date or super().date_time_string(timestamp)

            def log_message(self, *_: Any) -> None:
                pass

        self.date = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
            self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a failed handshake
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self.metadata: dict[str, Any] = {"issuer": self.url, "token_endpoint": f"{self.url}/token"}

    @property
    def tokens(self) -> list[Asked]:
        """The token requests."""
        return [asked for asked in self.asked if asked.path == "/token"]

    def respond(self, asked: Asked) -> Reply:
        if asked.path == "/.well-known/oauth-authorization-server":
            return 200, {}, self.metadata
        return self.reply(asked) if asked.path == "/token" else (404, {}, b"")

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
