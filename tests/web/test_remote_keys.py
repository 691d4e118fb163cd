"""Fetching JWK Sets (RFC 7517), from a server on loopback that does what servers should not."""

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from service.bags.foreign_keys import KeySet
from service.protocol.ports import KeysUnavailable
from service.web import outward, public_address, remote_keys
from service.web.public_address import AddressRefused, is_public, resolve
from service.web.remote_keys import COOL_DOWN, DEFAULT_AGE, MAX_AGE, MAX_BYTES, MIN_AGE, RETRY, HttpRemoteKeys
from tests.worlds.certificates import certificate
from tests.worlds.client_proofs import EC_KEY, public_jwk

Answer = Callable[[BaseHTTPRequestHandler], None]


def jwks(*kids: str) -> bytes:
    return json.dumps({"keys": [public_jwk(EC_KEY, kid=kid) for kid in kids]}).encode()


def document(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


class Server:
    """A server that gives `answer` to every GET, and remembers the paths and the headers."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answer: Answer = document(jwks("a"))
        self.seen: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                try:
                    outer.answer(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None: ...

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None: ...

        self.http = Quiet(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.scheme = "http" if tls is None else "https"
        self.port = self.http.server_address[1]
        self.uri = f"{self.scheme}://127.0.0.1:{self.port}/jwks"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def remote(clock: Clock) -> HttpRemoteKeys:
    return HttpRemoteKeys(development=True, clock=clock)


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


def get(remote: HttpRemoteKeys, uri: str, kid: str | None = None) -> KeySet:
    keys = run(remote.keys(uri, kid))
    assert isinstance(keys, KeySet)
    return keys


def unavailable(remote: HttpRemoteKeys, uri: str) -> str:
    with pytest.raises(KeysUnavailable) as caught:
        get(remote, uri)
    return str(caught.value)


def test_keys_are_fetched_and_kept(server: Server, remote: HttpRemoteKeys, clock: Clock) -> None:
    for _ in range(3):
        assert "a" in get(remote, server.uri, "a")
    clock.now += DEFAULT_AGE - 0.1
    get(remote, server.uri)
    assert len(server.seen) == 1
    clock.now += 0.1
    get(remote, server.uri)
    assert len(server.seen) == 2
    path, headers = server.seen[0]
    assert path == "/jwks"
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert headers["accept-encoding"] == "identity"
    assert "cookie" not in headers
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("cache_control", "age"),
    [
        ("max-age=120", 120),
        ("public, MAX-AGE=120, must-revalidate", 120),
        ("max-age=0", MIN_AGE),
        ("max-age=5", MIN_AGE),
        ("max-age=999999999", MAX_AGE),
        ("s-maxage=120", DEFAULT_AGE),
        ("max-age=-1", DEFAULT_AGE),
        ("max-age=1e3", DEFAULT_AGE),
        ("", DEFAULT_AGE),
    ],
)
def test_max_age(server: Server, remote: HttpRemoteKeys, clock: Clock, cache_control: str, age: int) -> None:
    server.answer = document(jwks("a"), Cache_Control=cache_control)
    get(remote, server.uri)
    clock.now += age - 0.1
    get(remote, server.uri)
    assert len(server.seen) == 1
    clock.now += 0.1
    get(remote, server.uri)
    assert len(server.seen) == 2


def test_an_unknown_kid_is_looked_for_once_in_a_while(server: Server, remote: HttpRemoteKeys, clock: Clock) -> None:
    get(remote, server.uri, "a")
    server.answer = document(jwks("a", "b"))
    assert "b" not in get(remote, server.uri, "b")
    clock.now += COOL_DOWN
    assert "b" in get(remote, server.uri, "b")
    assert len(server.seen) == 2
    for n in range(50):
        clock.now += 1
        assert "x" not in get(remote, server.uri, f"x{n}")
    assert len(server.seen) == 2
    clock.now += COOL_DOWN - 50
    get(remote, server.uri, "x")
    assert len(server.seen) == 3
    clock.now += COOL_DOWN
    get(remote, server.uri, None)  # no kid is not an unknown one
    assert len(server.seen) == 3


FAULTS: dict[str, Answer] = {
    "status": document(jwks("a"), 500),
    "created": document(jwks("a"), 201),
    "empty": document(b""),
    "not JSON": document(b"<html>"),
    "no keys": document(b"{}"),
    "a private key": document(b'{"keys":[{"kty":"EC","crv":"P-256","x":"","y":"","d":""}]}'),
    "huge": document(b" " * (MAX_BYTES + 1)),
    "packed": document(jwks("a"), Content_Encoding="gzip"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_used(server: Server, remote: HttpRemoteKeys, clock: Clock, fault: str) -> None:
    server.answer = FAULTS[fault]
    assert server.uri in unavailable(remote, server.uri)
    server.answer = document(jwks("a"))
    clock.now += RETRY - 0.1
    unavailable(remote, server.uri)
    assert len(server.seen) == 1
    clock.now += 0.1
    assert "a" in get(remote, server.uri)


@pytest.mark.parametrize("fault", FAULTS)
def test_old_keys_outlive_a_failure(server: Server, remote: HttpRemoteKeys, clock: Clock, fault: str) -> None:
    get(remote, server.uri)
    server.answer = FAULTS[fault]
    clock.now += 10 * DEFAULT_AGE
    for _ in range(3):
        assert "a" in get(remote, server.uri, "a")
    assert len(server.seen) == 2  # and it is not asked at every request
    server.answer = document(jwks("b"))
    clock.now += COOL_DOWN
    assert "b" in get(remote, server.uri, "b")
    assert "a" not in get(remote, server.uri, "b")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(server: Server, remote: HttpRemoteKeys, status: int) -> None:
    server.answer = document(b"", status, Location="/elsewhere")
    unavailable(remote, server.uri)
    assert [path for path, _ in server.seen] == ["/jwks"]


def test_an_endless_answer_ends(server: Server, remote: HttpRemoteKeys) -> None:
    sent = 0

    def endless(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        for _ in range(10_000):
            handler.wfile.write(b" " * 4096)
            sent += 4096

    server.answer = endless
    started = time.monotonic()
    unavailable(remote, server.uri)
    assert time.monotonic() - started < 4
    assert sent < 40_000_000


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        time.sleep(0.05)


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1.5)


@pytest.mark.parametrize("answer", [drip, silent])
def test_a_slow_answer_has_its_time(
    server: Server, remote: HttpRemoteKeys, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is for the whole, not for each byte."""
    assert remote_keys.SECONDS == 5.0
    monkeypatch.setattr(remote_keys, "SECONDS", 0.4)
    server.answer = answer
    started = time.monotonic()
    unavailable(remote, server.uri)
    assert 0.3 < time.monotonic() - started < 1.2


def test_nobody_there(remote: HttpRemoteKeys, free_port: int) -> None:
    unavailable(remote, f"http://127.0.0.1:{free_port}/")


def test_a_name_with_several_addresses(server: Server, remote: HttpRemoteKeys) -> None:
    """localhost is ::1 too on many machines, where this server does not listen."""
    assert "a" in get(remote, f"http://localhost:{server.port}/jwks")
    assert server.seen[0][1]["host"] == f"localhost:{server.port}"


def test_the_first_address_that_answers_will_do(
    server: Server, remote: HttpRemoteKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def two(host: str, port: int, development: bool) -> list[Any]:
        return [ip_address("127.0.0.99"), ip_address("127.0.0.1")]

    monkeypatch.setattr(outward, "resolve", two)
    assert "a" in get(remote, f"http://keys.example:{server.port}/jwks")


def test_many_ask_and_one_goes(server: Server, remote: HttpRemoteKeys) -> None:
    def slowly(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)
        document(jwks("a"))(handler)

    server.answer = slowly

    async def crowd() -> list[KeySet]:
        return await asyncio.gather(*(remote.keys(server.uri, "a") for _ in range(100)))

    assert all("a" in keys for keys in run(crowd()))
    assert len(server.seen) == 1


def test_who_hangs_up_does_not_spoil_it_for_others(server: Server, remote: HttpRemoteKeys) -> None:
    def slowly(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)
        document(jwks("a"))(handler)

    server.answer = slowly

    async def crowd() -> KeySet:
        first = asyncio.create_task(remote.keys(server.uri, "a"))
        second = asyncio.create_task(remote.keys(server.uri, "a"))
        await asyncio.sleep(0.05)
        first.cancel()
        return await second

    assert "a" in run(crowd())
    assert len(server.seen) == 1


def test_a_flapping_server(server: Server, remote: HttpRemoteKeys, clock: Clock) -> None:
    get(remote, server.uri)
    for n in range(20):
        server.answer = FAULTS["status"] if n % 2 else document(jwks("a", str(n)))
        clock.now += DEFAULT_AGE
        assert "a" in get(remote, server.uri, "a")


def test_no_proxy_from_the_environment(
    server: Server, remote: HttpRemoteKeys, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port}")
    monkeypatch.setenv("NO_PROXY", "")
    assert "a" in get(remote, server.uri)


def test_the_number_of_servers_is_bounded(
    server: Server, remote: HttpRemoteKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_keys, "MAX_URIS", 3)
    for n in (0, 1, 2, 0, 3, 0):
        get(remote, f"{server.uri}{n}")
    assert [path for path, _ in server.seen] == ["/jwks0", "/jwks1", "/jwks2", "/jwks3"]
    get(remote, f"{server.uri}1")  # the one that nobody had asked for longest
    assert len(server.seen) == 5


def test_outside_development_loopback_is_not_talked_to(server: Server) -> None:
    remote = HttpRemoteKeys(development=False)
    for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0.0.0.0"):
        for scheme in ("http", "https"):
            unavailable(remote, f"{scheme}://{host}:{server.port}/jwks")
    assert server.seen == []


def test_http_is_for_loopback_in_development_too(remote: HttpRemoteKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    async def somewhere(host: str, port: int, development: bool) -> list[Any]:
        return [ip_address("192.0.2.1")]

    monkeypatch.setattr(outward, "resolve", somewhere)
    unavailable(remote, "http://keys.example/")


@pytest.mark.parametrize("uri", ["ftp://127.0.0.1/", "file:///etc/passwd", "x", "", "http://", "https://\0/"])
def test_what_is_not_https(remote: HttpRemoteKeys, uri: str) -> None:
    unavailable(remote, uri)


INSIDE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff0e::1",
    "2001:db8::1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::808:808",
    "2002:a00:1::1",
    "2002:7f00:1::",
    "2001:0:1::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(AddressRefused):
        run(resolve(address, 443, False))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_that_are(address: str) -> None:
    assert is_public(ip_address(address))
    assert run(resolve(address, 443, False)) == [ip_address(address)]


class Names:
    """Stands where names are resolved."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def getaddrinfo(self, host: str, port: int, *, type: int) -> list[Any]:
        return [(socket.AF_INET, type, 6, "", (address, port)) for address in self.addresses]


@pytest.mark.parametrize("addresses", [["8.8.8.8", "10.0.0.1"], ["10.0.0.1"], ["8.8.8.8", "::1"], []])
def test_one_inner_address_among_others_is_enough(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    monkeypatch.setattr(public_address.asyncio, "get_running_loop", lambda: Names(*addresses))
    coroutine = resolve("keys.example", 443, False)
    with pytest.raises(AddressRefused):
        coroutine.send(None)


def tls_of(name: str, directory: Path) -> ssl.SSLContext:
    """What a server called `name` needs; its certificate is then in `directory`."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = time.time()
    der = certificate(key, dns=name, start=now - 100, end=now + 1000, signer=key)
    (directory / "cert.pem").write_text(ssl.DER_cert_to_PEM_cert(der))
    (directory / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return context


def test_the_address_that_was_looked_at_is_the_one_connected_to(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A name that changes between two looks (DNS rebinding) has only one look; TLS is still for the name."""
    context = tls_of("keys.example", tmp_path)
    names: list[str] = []
    context.sni_callback = lambda connection, name, context: names.append(str(name))
    secure = Server(context)
    looks = 0

    async def look(host: str, port: int, development: bool) -> list[Any]:
        nonlocal looks
        looks += 1
        return [ip_address("127.0.0.1")]

    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    monkeypatch.setattr(outward, "resolve", look)
    monkeypatch.setattr(outward, "_tls", lambda: trusting)
    try:
        remote = HttpRemoteKeys(development=False)
        assert "a" in get(remote, f"https://keys.example:{secure.port}/jwks")
        assert (names, looks) == (["keys.example"], 1)
        assert secure.seen[0][1]["host"] == f"keys.example:{secure.port}"
        unavailable(remote, f"https://other.example:{secure.port}/jwks")
        assert len(secure.seen) == 1
    finally:
        secure.stop()


def test_a_certificate_of_nobody_is_not_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = tls_of("localhost", tmp_path)
    secure = Server(context)
    try:
        unavailable(HttpRemoteKeys(development=True), f"https://localhost:{secure.port}/jwks")
        assert secure.seen == []
    finally:
        secure.stop()


def test_112_keys_are_not_believed_for_ever(server: Server, clock: Clock) -> None:
    """A year without a fetch that succeeds: the owner may have withdrawn the key long ago."""
    remote = HttpRemoteKeys(development=True, clock=clock, max_stale=86_400)
    uri = server.uri
    assert "a" in get(remote, uri)
    server.answer = document(b"", 500)
    clock.now += 86_400
    assert "a" in get(remote, uri)
    clock.now += COOL_DOWN
    assert unavailable(remote, uri) == f"the JWK Set at {uri} cannot be fetched"
    server.answer = document(jwks("b"))
    clock.now += COOL_DOWN
    assert "b" in get(remote, uri)


BROKEN = {
    "malformed": {"kty": "EC", "crv": "P-256", "kid": "bad"},
    "short RSA": {"kty": "RSA", "kid": "bad", "n": "AQAB", "e": "AQAB"},
    "low order": {"kty": "OKP", "crv": "Ed25519", "kid": "bad", "x": "A" * 43},
    "symmetric": {"kty": "oct", "kid": "bad", "k": "AAAA"},
    "unknown": {"kty": "OKP", "crv": "Ed9999", "kid": "bad", "x": "A" * 43},
    "no object": 7,
    "twice the same kid": json.loads(jwks("bad"))["keys"][0],
}


@pytest.mark.parametrize("fault", BROKEN)
def test_112_one_bad_key_does_not_take_the_set_along(server: Server, remote: HttpRemoteKeys, fault: str) -> None:
    good = json.loads(jwks("good"))["keys"]
    bad = [BROKEN[fault]] * (2 if fault.startswith("twice") else 1)
    server.answer = document(json.dumps({"keys": [*bad, *good]}).encode())
    keys = get(remote, server.uri)
    assert "good" in keys
    assert "bad" not in keys
