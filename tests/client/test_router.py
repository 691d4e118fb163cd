"""The router as it runs, between a caller and services of the tests' own."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client.authority import Asked, Authority, Reply, refuse
from tests.client.sidecar import Sidecar
from tests.worlds.ports import free_port

pytestmark = pytest.mark.slow


class Service(Authority):
    """A resource server: `api` answers."""

    def __init__(self) -> None:
        super().__init__()
        self.api: Callable[[Asked], Reply] = lambda _: (200, {}, b"done")

    def respond(self, asked: Asked) -> Reply:
        return self.api(asked)


class Scene:
    """Two authorization servers, a service, a service of raw sockets, and the router."""

    def __init__(self, directory: Path) -> None:
        self.main, self.other, self.service = Authority(), Authority(), Service()
        self.raw = socket.create_server(("127.0.0.1", 0))
        self.raw_port = self.raw.getsockname()[1]
        self.router = Sidecar(
            directory,
            f"""
read_timeout = 2.0
connect_timeout = 2.0
[servers.main]
issuer = "{self.main.url}"
client_id = "me"
secret_env = "ROUTER_SECRET"
expired_refresh_retry_delay = 0.3
[servers.other]
token_endpoint = "{self.other.url}/token"
client_id = "you"
secret_file = "{directory / "secret"}"
method = "client_secret_post"
parameters = {{audience = "https://api.example.com"}}
[servers.down]
token_endpoint = "http://127.0.0.1:{free_port()}/token"
client_id = "me"
method = "none"
{self._route("/pets", self.service.url, "main", 'scope = "pets.r"')}
{self._route("/pets/admin", self.service.url, "other", 'resource = "https://pets.example.com"')}
{self._route("/fresh", self.service.url, "main", 'scope = "fresh"')}
{self._route("/stripped", self.service.url + "/base", "main", "strip_prefix = true")}
{self._route("/nobody", f"http://127.0.0.1:{free_port()}", "main")}
{self._route("/raw", f"http://127.0.0.1:{self.raw_port}", "main")}
{self._route("/tokenless", self.service.url, "down")}
""",
            ROUTER_SECRET="hunter2",
        )
        (directory / "secret").write_text("hunter3\n")

    @staticmethod
    def _route(prefix: str, target: str, server: str, more: str = "") -> str:
        return f'[[routes]]\nprefix = "{prefix}"\ntarget = "{target}"\nserver = "{server}"\n{more}\n'

    def get(self, path: str, **more: Any) -> httpx.Response:
        return httpx.get(self.router.url + path, timeout=15, **more)

    @property
    def last(self) -> Asked:
        return self.service.asked[-1]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    scene = Scene(tmp_path_factory.mktemp("router"))
    with scene.main, scene.other, scene.service, scene.raw, scene.router:
        yield scene


@pytest.fixture
def scene(served: Scene) -> Scene:
    served.service.api = lambda _: (200, {}, b"done")
    return served


@contextmanager
def talking(scene: Scene, talk: Callable[[socket.socket], None]) -> Iterator[None]:
    """Have the raw service hold one connection, until `talk` is done."""
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            connection, _ = scene.raw.accept()
            with connection:
                connection.settimeout(10)
                talk(connection)
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    thread.join(15)
    assert not thread.is_alive()
    assert failures == []


def read_until(connection: socket.socket, end: bytes) -> bytes:
    data = b""
    while end not in data:
        chunk = connection.recv(65536)
        assert chunk, data
        data += chunk
    return data


def test_each_prefix_has_the_token_of_its_server(scene: Scene) -> None:
    assert scene.get("/pets/7?x=%20y").text == "done"
    assert (scene.last.method, scene.last.path) == ("GET", "/pets/7?x=%20y")
    assert re.fullmatch(r"Bearer t\d", scene.last.headers["authorization"])
    assert scene.main.tokens[0].form == {"grant_type": "client_credentials", "scope": "pets.r"}
    assert scene.get("/pets/admin").status_code == 200
    asked = scene.other.tokens[0].form
    assert asked == {
        "grant_type": "client_credentials",
        "client_id": "you",
        "client_secret": "hunter3",
        "resource": "https://pets.example.com",
        "audience": "https://api.example.com",
    }
    before = len(scene.main.tokens), len(scene.other.tokens)
    scene.get("/pets/8")
    scene.get("/pets/admin/x")
    assert (len(scene.main.tokens), len(scene.other.tokens)) == before
    assert scene.get("/stripped/x").status_code == 200
    assert scene.last.path == "/base/x"


def test_the_callers_own_authorization_stays(scene: Scene) -> None:
    scene.get("/pets", headers={"Authorization": "Bearer alice", "X-Scope-Token": "Bearer evil"})
    assert scene.last.headers["authorization"] == "Bearer alice"
    assert re.fullmatch(r"Bearer t\d", scene.last.headers["x-scope-token"])
    scene.get("/pets", headers={"X-Scope-Token": "Bearer evil"})
    assert "x-scope-token" not in scene.last.headers


def test_a_request_goes_on_as_it_is_but_for_what_ends_here(scene: Scene) -> None:
    scene.service.api = lambda _: (201, {"X-A": "b", "Connection": "x-hop", "X-Hop": "1"}, bytes(range(256)) * 500)
    body = bytes(range(255, -1, -1)) * 5000
    answer = httpx.put(
        f"{scene.router.url}/pets",
        content=body,
        headers={"Connection": "close, x-hop", "X-Hop": "1", "Host": "evil.example.com", "User-Agent": "me/1"},
    )
    assert (answer.status_code, answer.content) == (201, bytes(range(256)) * 500)
    assert answer.headers["x-a"] == "b"
    assert "x-hop" not in answer.headers
    assert answer.headers["via"] == scene.last.headers["via"] == "1.1 satchel-router"
    assert (scene.last.method, scene.last.body) == ("PUT", body)
    assert scene.last.headers["host"] == scene.service.url.removeprefix("http://")
    assert scene.last.headers["user-agent"] == "me/1"
    assert "x-hop" not in scene.last.headers


def test_a_body_is_not_decoded_and_cookies_are_not_kept(scene: Scene) -> None:
    scene.service.api = lambda _: (200, {"Content-Encoding": "gzip", "Set-Cookie": "a=b"}, b"not gzip")
    with httpx.stream("GET", f"{scene.router.url}/pets") as answer:
        assert b"".join(answer.iter_raw()) == b"not gzip"
    assert answer.headers["set-cookie"] == "a=b"
    scene.service.api = lambda _: (200, {}, b"done")
    scene.get("/pets")
    assert "cookie" not in scene.last.headers


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(scene: Scene, status: int) -> None:
    def talk(connection: socket.socket) -> None:
        for _ in range(2):
            read_until(connection, b"\r\n\r\n")
            connection.sendall(f"HTTP/1.1 {status} X\r\nETag: 1\r\n\r\n".encode())

    with talking(scene, talk), httpx.Client(base_url=scene.router.url) as client:
        for _ in range(2):
            answer = client.get("/raw")
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (status, b"", "1")


def test_head(scene: Scene) -> None:
    def talk(connection: socket.socket) -> None:
        assert read_until(connection, b"\r\n\r\n").startswith(b"HEAD /raw HTTP/1.1\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n")

    with talking(scene, talk):
        answer = httpx.head(f"{scene.router.url}/raw")
    assert (answer.status_code, answer.headers["content-length"]) == (200, "12345")


def test_a_request_streams(scene: Scene) -> None:
    arrived = threading.Event()

    def chunks() -> Iterator[bytes]:
        yield b"first"
        assert arrived.wait(5), "the first part is not held back for the second"
        yield b"second"

    def talk(connection: socket.socket) -> None:
        read_until(connection, b"5\r\nfirst\r\n")
        arrived.set()
        read_until(connection, b"6\r\nsecond\r\n0\r\n\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with talking(scene, talk):
        assert httpx.post(f"{scene.router.url}/raw", content=chunks()).text == "ok"


def test_a_response_streams(scene: Scene) -> None:
    arrived = threading.Event()

    def talk(connection: socket.socket) -> None:
        read_until(connection, b"\r\n\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        assert arrived.wait(5), "the first part is not held back for the second"
        connection.sendall(b"6\r\nsecond\r\n0\r\n\r\n")

    with talking(scene, talk), httpx.stream("GET", f"{scene.router.url}/raw") as answer:
        parts = answer.iter_bytes()
        assert next(parts) == b"first"
        arrived.set()
        assert b"".join(parts) == b"second"


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_response_that_breaks_off_is_not_taken_for_a_whole_one(scene: Scene, framing: str) -> None:
    def talk(connection: socket.socket) -> None:
        read_until(connection, b"\r\n\r\n")
        connection.sendall(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n5\r\nfirst\r\n".encode())

    with talking(scene, talk), pytest.raises(httpx.RemoteProtocolError):
        scene.get("/raw")


def test_a_caller_that_leaves_ends_the_request_to_the_service(scene: Scene) -> None:
    begun = threading.Event()

    def talk(connection: socket.socket) -> None:
        read_until(connection, b"\r\n\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        begun.set()
        with pytest.raises(ConnectionError):  # noqa: PT012  it takes some writes to notice
            for _ in range(300):
                time.sleep(0.02)
                connection.sendall(b"1\r\nx\r\n")
            raise AssertionError("still listened to")

    with talking(scene, talk):
        with httpx.stream("GET", f"{scene.router.url}/raw") as answer:
            next(answer.iter_bytes())
        assert begun.wait(5)


def test_a_caller_that_leaves_in_the_middle_of_its_request_has_not_sent_it(scene: Scene) -> None:
    def talk(connection: socket.socket) -> None:
        data = b""
        while chunk := connection.recv(65536):
            data += chunk
        assert b"half" in data
        assert not data.endswith(b"0\r\n\r\n")

    with talking(scene, talk), socket.create_connection(("127.0.0.1", scene.router.port)) as caller:
        caller.sendall(b"POST /raw HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        time.sleep(0.3)


def test_a_refused_token_is_renewed_once_where_there_is_no_body(scene: Scene) -> None:
    refused = (401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, b"")
    seen: list[str] = []

    def api(asked: Asked) -> Reply:
        seen.append(asked.headers.get("x-scope-token", asked.headers["authorization"]))
        return refused if len(set(seen)) == 1 else (200, {}, b"done")

    scene.get("/pets")
    scene.service.api = api
    time.sleep(0.4)
    assert scene.get("/pets").status_code == 200
    assert len(seen) == 2
    assert seen[0] != seen[1]
    time.sleep(0.4)
    seen.clear()
    assert httpx.post(f"{scene.router.url}/pets", content=b"x").status_code == 401
    assert len(seen) == 1
    assert scene.get("/pets").status_code == 200, "but the token is forgotten"
    time.sleep(0.4)
    seen.clear()
    assert scene.get("/pets", headers={"Authorization": "Bearer alice"}).status_code == 401
    assert scene.get("/pets", headers={"Authorization": "Bearer alice"}).status_code == 401
    assert len(set(seen)) == 1, "it was the caller's that was refused"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/petshop", 404),
        ("/pets/%2e%2e/secret", 404),
        ("/nobody/x", 502),
        ("/tokenless", 503),
    ],
)
def test_what_cannot_be_forwarded(scene: Scene, path: str, status: int) -> None:
    asked = len(scene.service.asked)
    answer = scene.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/plain"
    assert ("retry-after" in answer.headers) is (status == 503)
    assert len(scene.service.asked) == asked


@pytest.mark.parametrize("line", [b"GET http://127.0.0.1:1/pets HTTP/1.1", b"CONNECT 127.0.0.1:1 HTTP/1.1"])
def test_it_is_no_open_proxy(scene: Scene, line: bytes) -> None:
    asked = len(scene.service.asked)
    with socket.create_connection(("127.0.0.1", scene.router.port)) as caller:
        caller.sendall(line + b"\r\nHost: 127.0.0.1:1\r\nConnection: close\r\n\r\n")
        assert re.match(rb"HTTP/1.1 4\d\d ", caller.recv(65536))
    assert len(scene.service.asked) == asked


def test_a_service_that_does_not_answer(scene: Scene) -> None:
    with talking(scene, lambda connection: (read_until(connection, b"\r\n\r\n"), connection.recv(1))[0] and None):
        assert scene.get("/raw").status_code == 504


def test_a_token_server_that_refuses_is_told_to_the_caller_and_forgiven(scene: Scene) -> None:
    working = scene.main.reply
    scene.main.reply = lambda _: refuse("invalid_scope")
    path = "/fresh"
    assert [scene.get(path).status_code for _ in range(5)] == [503] * 5
    scene.main.reply = working
    time.sleep(0.4)
    assert scene.get(path).status_code == 200
    assert len([asked for asked in scene.main.tokens if asked.form.get("scope") == "fresh"]) <= 4


def test_health_and_metrics(scene: Scene) -> None:
    assert scene.get("/healthz").text == "ok\n"
    scene.get("/pets")
    scene.get("/nobody")
    text = scene.get("/metrics").text
    for name in (
        r'satchel_router_requests_total\{route="/pets",status="200",process="\d+"\} [1-9]',
        r'satchel_router_requests_total\{route="/nobody",status="502",process="\d+"\} [1-9]',
        r'satchel_router_seconds_total\{route="/pets",process="\d+"\} \d+\.\d+',
        r'satchel_router_token_renewals_total\{server="main",outcome="token",process="\d+"\} [1-9]',
        r'satchel_router_tokens\{server="main",process="\d+"\} [1-9]',
    ):
        assert re.search(name, text), name


def test_no_secret_is_in_the_log(scene: Scene) -> None:
    scene.get("/tokenless")
    log = scene.router.log.read_text()
    assert "/tokenless: no token: no answer from http://127.0.0.1" in log
    assert "hunter" not in log
    assert "Bearer" not in log
