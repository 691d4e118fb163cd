"""A Satchel with the built-in pages, and a client's web site, each on a port of loopback.

The client's site answers under two names: `127.0.0.1` is the same site as Satchel to a browser, `localhost` is not.
"""

import threading
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from satchel_jose.base64url import encode
from tests.worlds.demo import DEMO
from tests.worlds.gunicorn import Running
from tests.worlds.http import basic

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = encode(sha256(VERIFIER.encode()).digest()).decode()
HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{7*7}}"
SECRET = basic("web", "secret")

_PASSWORD = next(line for line in DEMO.splitlines() if line.startswith("password = "))  # wonderland
_CALLBACK = b'<!DOCTYPE html><link rel="icon" href="data:,"><title>Client</title><h1>Back at the client</h1>'


def toml(port: int, pages: str) -> str:
    """The configuration; `port` is that of the client's site, `pages` what the table of that name says."""
    digest = sha256(b"secret").hexdigest()
    confidential = f"""secrets = [{{ sha256 = "{digest}" }}]
grants = ["authorization_code", "refresh_token"]
redirect_uris = ["http://127.0.0.1/callback", "http://localhost:{port}/callback"]
post_logout_redirect_uris = ["http://127.0.0.1:{port}/bye"]
scopes = ["openid", "profile", "offline_access", "read", "write"]
authorization_details_types = ["payment"]
"""
    return f"""issuer = "http://127.0.0.1:{{port}}"
default_resource = "https://api.example.com"
[openid]
enabled = true
[pages]
{pages}
[[resources]]
identifier = "https://api.example.com"
scopes = ["read", "write"]
titles = {{ read = "See your reservations", write = "Make and change reservations" }}
[[detail_types]]
type = "payment"
title = "A payment"
members = ["amount", "to"]
[[users.known]]
id = "alice"
{_PASSWORD}
claims = {{ name = "Alice Liddell" }}
[[users.known]]
id = "bob"
{_PASSWORD}
[[clients]]
id = "web"
name = "Reservations"
{confidential}
[[clients]]
id = "second"
name = "Calendar"
{confidential}
[[clients]]
id = "hostile"
name = '''{HOSTILE}'''
{confidential}
[[clients]]
id = "long"
name = "{"m" * 200}"
{confidential}
[[clients]]
id = "tv"
name = "Living room TV"
auth_methods = ["none"]
grants = ["urn:ietf:params:oauth:grant-type:device_code"]
scopes = ["read"]
"""


class Arrival:
    """What the client's site has been sent."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.headers = method, headers
        url = urlsplit(path)
        self.path = url.path
        self.parameters = dict(parse_qsl(body.decode() if method == "POST" else url.query, strict_parsing=True))


class Site:
    """Both; `arrivals` is what has come to the client's site, and `page` what it shows at /evil."""

    def __init__(self, directory: Path, pages: str = 'name = "Example"') -> None:
        self.arrivals: list[Arrival] = []
        self.page = b""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_address[1]
        self.satchel = Running(directory, toml(self.port, pages), workers=1)
        self.home = f"http://127.0.0.1:{self.port}"
        self.abroad = f"http://localhost:{self.port}"

    def _handler(site) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                page = site.page if self.path == "/evil" else b""
                if not page:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    site.arrivals.append(Arrival(self.command, self.path, headers, body))
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(page or _CALLBACK)

            do_POST = do_GET

            def log_message(self, format: str, *values: Any) -> None:
                """Say nothing."""

        return Handler

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.satchel.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.satchel.__exit__()
        self._server.shutdown()
        self._server.server_close()

    def request(self, client: str = "web", **parameters: str) -> dict[str, str]:
        """The parameters of an authorization request; an empty one is left out."""
        usual = {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": f"{self.home}/callback",
            "scope": "openid read",
            "state": "a state",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in {**usual, **parameters}.items() if value}

    def authorize(self, client: str = "web", **parameters: str) -> str:
        """The URL of an authorization request."""
        return f"{self.satchel.url}/authorize?{urlencode(self.request(client, **parameters))}"

    def redeem(self, arrival: Arrival, redirect_uri: str = "") -> dict[str, Any]:
        """The tokens for the code that has arrived."""
        assert "code" in arrival.parameters, arrival.parameters
        form = {
            "grant_type": "authorization_code",
            "code": arrival.parameters["code"],
            "redirect_uri": redirect_uri or f"{self.home}/callback",
            "code_verifier": VERIFIER,
        }
        answer = self.satchel.post("/token", form, {"Content-Type": "application/x-www-form-urlencoded", **SECRET})
        assert answer.status == 200, answer.body
        return dict(answer.json())

    def lure(self, markup: str) -> str:
        """Put `markup` on a page of another site (its one form is sent at once), and return where that is."""
        submit = "<script>document.forms[0]?.submit()</script>"
        self.page = f'<!DOCTYPE html><link rel="icon" href="data:,">{markup}{submit}'.encode()
        return f"{self.abroad}/evil"

    def device_code(self) -> dict[str, Any]:
        """The answer to a device that asks (RFC 8628 section 3.2)."""
        form = {"client_id": "tv", "scope": "read"}
        answer = self.satchel.post("/device_authorization", form, {"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status == 200, answer.body
        return dict(answer.json())
