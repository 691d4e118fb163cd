"""deploy/nginx.conf as it stands, in a real nginx in front of a real Satchel: TLS, and certificates of RFC 8705."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jwt
import pytest

from tests.interop.authority import Authority
from tests.worlds import programs
from tests.worlds.client_proofs import HEAD, client_toml
from tests.worlds.demo import DEMO, ROOT
from tests.worlds.gunicorn import Running
from tests.worlds.http import Answer, basic
from tests.worlds.ports import free_port
from tests.worlds.satchel import Satchel

pytestmark = [pytest.mark.slow, pytest.mark.external("nginx")]

CONF = (ROOT / "deploy" / "nginx.conf").read_text()
SUBJECT = "CN=service,O=Example,C=DE"
SECRETS = [{"sha256": sha256(b"s").hexdigest()}]
MANY = ["read", "write", "make", "change", "cancel"]
TOML = (
    HEAD.replace('"read"', json.dumps(MANY)[1:-1])
    + '\n[proxies]\ntrusted = ["127.0.0.1"]\ncertificate_header = "nginx"\n'
    + client_toml("secret", "client_secret_basic", secrets=SECRETS)
    + client_toml("pki", "tls_client_auth", tls_client_auth_subject_dn=SUBJECT)
    + client_toml(
        "bound",
        "tls_client_auth",
        tls_client_auth_subject_dn=SUBJECT,
        tls_client_certificate_bound_access_tokens=True,
    )
    + "".join(
        client_toml(
            f"web-{n}",
            "client_secret_basic",
            secrets=SECRETS,
            grants=["authorization_code"],
            redirect_uris=["https://client.example/cb"],
            scopes=MANY,
            consent="implicit",
        )
        for n in range(25)
    )
    + '[[users.known]]\nid = "alice"\n'
    + next(line for line in DEMO.splitlines() if line.startswith("password = "))  # wonderland
)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GRANT = {"grant_type": "client_credentials"}
SECRET = basic("secret", "s")
HTML = "text/html"  # nginx's own refusal: Satchel's, behind it, would be JSON

Files = tuple[Path, Path]


class Proxy:
    """nginx on a free port of loopback, and who may come in."""

    def __init__(self, directory: Path, satchel: Running) -> None:
        self.directory = directory
        self.ours, self.theirs = Authority(directory, "clients-ca"), Authority(directory, "another-ca")
        self.server = Authority(directory, "server-ca")
        self.server.issue("tls", address="127.0.0.1")
        self.client = self.ours.issue("client", SUBJECT)
        self.forged = self.theirs.issue("forged", SUBJECT)
        self.port = free_port()
        self.conf = directory / "nginx.conf"
        self.conf.write_text(self._placed(satchel.port))
        own = f"daemon off; pid {directory}/pid; error_log stderr;"
        if os.geteuid() == 0:
            own += " user root root;"  # else its workers could not write here
        self.command = [programs.path("nginx"), "-p", str(directory), "-c", str(self.conf), "-g", own]

    def _placed(self, satchel: int) -> str:
        """The configuration with ports and paths that are there."""
        text = CONF
        for shipped, here in (
            ("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            ("server 127.0.0.1:8000;", f"server 127.0.0.1:{satchel};"),
            ("/etc/satchel/", f"{self.directory}/"),
            ("worker_processes auto;", "worker_processes 1;"),
        ):
            assert shipped in text
            text = text.replace(shipped, here)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"    {kind}_temp_path {self.directory}/{kind};\n" for kind in kinds)
        return text.replace("http {\n", f"http {{\n{places}")

    @contextlib.contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Serve for as long as the context lasts."""
        with (self.directory / "errors").open("wb") as errors:
            process = subprocess.Popen(self.command, stderr=errors)
        try:
            deadline = time.monotonic() + 10
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                    break
                assert process.poll() is None, (self.directory / "errors").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield self
        finally:
            process.terminate()
            process.wait(10)

    @contextlib.contextmanager
    def connection(self, certificate: Files | None = None) -> Iterator[http.client.HTTPSConnection]:
        """A TLS connection, with a client certificate or without."""
        context = ssl.create_default_context(cafile=self.server.file)
        if certificate is not None:
            context.load_cert_chain(*certificate)
        with contextlib.closing(
            http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)
        ) as connection:
            yield connection

    def send(
        self,
        form: dict[str, str] | bytes = b"",
        headers: dict[str, str] | None = None,
        certificate: Files | None = None,
        path: str = "/token",
        method: str = "POST",
    ) -> Answer:
        """Send one request on a connection of its own."""
        with self.connection(certificate) as connection:
            return exchange(connection, form, headers, path, method)


def exchange(
    connection: http.client.HTTPSConnection,
    form: dict[str, str] | bytes = b"",
    headers: dict[str, str] | None = None,
    path: str = "/token",
    method: str = "POST",
) -> Answer:
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    connection.request(method, path, body if method == "POST" else None, {**FORM, **(headers or {})})
    response = connection.getresponse()
    fields = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, fields, response.read())


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with (
        Running(tmp_path_factory.mktemp("satchel"), TOML) as satchel,
        Proxy(tmp_path_factory.mktemp("nginx"), satchel).running() as proxy,
    ):
        yield proxy


def escaped(certificate: Files) -> str:
    return quote(certificate[0].read_text(), safe="")


def claims(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    return dict(jwt.decode(answer.json()["access_token"], options={"verify_signature": False}))


def refused(answer: Answer) -> bool:
    return (answer.status, answer.json()["error"]) == (401, "invalid_client")


def test_the_configuration_is_well_formed(proxy: Proxy) -> None:
    done = subprocess.run([*proxy.command, "-t"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_a_token_over_tls(proxy: Proxy) -> None:
    answer = proxy.send(GRANT, SECRET)
    assert claims(answer)["client_id"] == "secret"
    assert answer.headers["cache-control"] == "no-store"
    assert "cnf" not in claims(answer)


def test_a_certificate_of_our_ca(proxy: Proxy) -> None:
    assert claims(proxy.send({**GRANT, "client_id": "pki"}, certificate=proxy.client))["client_id"] == "pki"


def test_no_certificate(proxy: Proxy) -> None:
    assert refused(proxy.send({**GRANT, "client_id": "pki"}))


def test_another_cas_certificate(proxy: Proxy) -> None:
    answer = proxy.send({**GRANT, "client_id": "pki"}, certificate=proxy.forged)
    assert answer.status == 400
    assert b"access_token" not in answer.body


def test_another_subject(proxy: Proxy) -> None:
    other = proxy.ours.issue("other", "CN=other,O=Example,C=DE")
    assert refused(proxy.send({**GRANT, "client_id": "pki"}, certificate=other))


def test_a_token_bound_to_the_certificate(proxy: Proxy) -> None:
    der = ssl.PEM_cert_to_DER_cert(proxy.client[0].read_text())
    thumbprint = urlsafe_b64encode(sha256(der).digest()).rstrip(b"=").decode()
    told = claims(proxy.send({**GRANT, "client_id": "bound"}, certificate=proxy.client))
    assert told["cnf"] == {"x5t#S256": thumbprint}


@pytest.mark.parametrize("name", ["X-SSL-Client-Cert", "x-ssl-client-cert", "X_SSL_Client_Cert"])
def test_a_header_that_the_client_sends(proxy: Proxy, name: str) -> None:
    forged = {name: escaped(proxy.client)}
    assert refused(proxy.send({**GRANT, "client_id": "pki"}, forged))
    other = proxy.ours.issue("third", "CN=third")
    assert refused(proxy.send({**GRANT, "client_id": "pki"}, forged, certificate=other))


def test_a_header_from_an_address_that_is_not_trusted(
    proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tests.worlds.satchel.NOW", int(time.time())
    )  # the certificate's time, not that of the other tests
    satchel = Satchel(tmp_path, TOML)
    sent = {**GRANT, "client_id": "pki"}, {"X-SSL-Client-Cert": escaped(proxy.client)}
    assert satchel.post("/token", *sent, client="127.0.0.1").status == 200
    assert refused(satchel.post("/token", *sent, client="203.0.113.7"))


def test_metrics_are_not_for_the_world(proxy: Proxy) -> None:
    answer = proxy.send(path="/metrics", method="GET")
    assert (answer.status, answer.headers["content-type"]) == (404, HTML)
    assert proxy.send(path="/healthz", method="GET").status == 200


@pytest.mark.parametrize(("size", "expected"), [(64 * 1024, (200, "application/json")), (65 * 1024, (413, HTML))])
def test_a_body(proxy: Proxy, size: int, expected: tuple[int, str]) -> None:
    answer = proxy.send(b"grant_type=client_credentials&x=".ljust(size, b"a"), SECRET)
    assert (answer.status, answer.headers["content-type"]) == expected


def test_a_long_request_line(proxy: Proxy) -> None:
    path = "/.well-known/oauth-authorization-server?bag=".ljust(2000, "a")
    answer = proxy.send(path=path, method="GET")
    assert (answer.status, answer.json()["issuer"]) == (200, "https://as.example.com")


def test_a_long_header(proxy: Proxy) -> None:
    assert proxy.send(GRANT, {**SECRET, "DPoP": "a" * 7_000}).json()["error"] == "invalid_dpop_proof"


def test_the_longest_answer_to_a_browser(proxy: Proxy) -> None:
    asked = {
        "response_type": "code",
        "redirect_uri": "https://client.example/cb",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
        "state": "s" * 1100,
    }
    jar: dict[str, str] = {}

    def go(method: str, path: str, form: dict[str, str]) -> Answer:
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        with proxy.connection() as connection:
            sent = f"{path}?{urlencode(form)}" if method == "GET" else path
            connection.request(method, sent, None if method == "GET" else urlencode(form), {**FORM, **cookies})
            response = connection.getresponse()
            for name, value in response.getheaders():
                if name.lower() == "set-cookie":
                    jar.update([value.partition(";")[0].split("=", 1)])
            return Answer(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )

    page = go("GET", "/authorize", {**asked, "client_id": "web-0"})
    ticket = page.body.partition(b'name="ticket" value="')[2].partition(b'"')[0].decode()
    answer = go("POST", "/authorize/login", {"ticket": ticket, "username": "alice", "password": "wonderland"})
    assert answer.status == 303, answer.body
    for n in range(1, 25):
        answer = go("GET", "/authorize", {**asked, "client_id": f"web-{n}"})
        assert answer.status == 302, answer.body
    head = sum(len(name) + len(value) + 4 for name, value in answer.headers.items())
    assert head > 4096  # more than nginx keeps unless it is told to


def test_many_requests_on_one_connection(proxy: Proxy) -> None:
    with proxy.connection() as connection:
        connection.connect()
        ours = connection.sock.getsockname()
        for _ in range(200):
            assert exchange(connection, GRANT, SECRET).status == 200
        assert connection.sock.getsockname() == ours
    assert json.loads(proxy.send(path="/readyz", method="GET").body)["status"] == "ready"
