"""Attacks 78, 80-83 and 30, and gunicorn CVE-2024-1135 and CVE-2024-6827, on the HTTP server itself.

The server's patience is one second here; ten in production.
"""

import contextlib
import time

import pytest

from tests.server.raw_http import Raw, exchange
from tests.server.toy_service import serving

pytestmark = pytest.mark.slow

HEAD = b"Host: satchel.example\r\n"
GET = b"GET /token HTTP/1.1\r\n" + HEAD
POST = b"POST /token HTTP/1.1\r\n" + HEAD
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HEAD + b"\r\n"
WEBSOCKET = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"


@pytest.fixture(scope="module")
def server():
    with serving("--keep-alive", "1") as server:
        yield server
        assert server.process.poll() is None
        assert server.log.count("Traceback") == server.log.count("RuntimeError: a secret that no client may see")


@pytest.fixture
def port(server):
    yield server.port
    (answer,) = exchange(server.port, GET + b"Connection: close\r\n\r\n")
    assert answer.status == 200  # whatever was done to it, it still serves


REFUSED = {
    "1 MB header": (GET + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n", 431),
    "1 MB Authorization": (GET + b"Authorization: Bearer " + b"a" * 1_000_000 + b"\r\n\r\n", 431),
    "60 kB of headers without end": (GET + (b"X: " + b"a" * 7_500 + b"\r\n") * 8, 431),
    "101 headers": (GET + b"".join(b"X-%d: a\r\n" % n for n in range(100)) + b"\r\n", 431),
    "10,000 headers": (GET + b"X: a\r\n" * 10_000 + b"\r\n", 431),
    "long request line": (b"GET /" + b"a" * 4_100 + b" HTTP/1.1\r\n" + HEAD + b"\r\n", 414),
    "request line without end": (b"GET /" + b"a" * 1_000_000, 414),
    "CL.TE": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "TE.CL": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + SMUGGLED, 400),
    "TE.TE": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "TE chunked, identity": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "TE chunked, gzip": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "TE identity": (POST + b"Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n" + SMUGGLED, 400),
    "TE unknown": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 501),
    "TE empty": (POST + b"Transfer-Encoding:\r\nContent-Length: 5\r\n\r\nabcde" + SMUGGLED, 501),
    "TE vertical tab": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "TE before a space": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "TE in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "two Content-Length": (POST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + SMUGGLED, 400),
    "two equal Content-Length": (POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
    "Content-Length list": (POST + b"Content-Length: 0, 0\r\n\r\n", 400),
    "Content-Length +5": (POST + b"Content-Length: +5\r\n\r\nabcde", 400),
    "Content-Length -1": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "Content-Length 1_0": (POST + b"Content-Length: 1_0\r\n\r\nabcdefghij", 400),
    "Content-Length 0x5": (POST + b"Content-Length: 0x5\r\n\r\nabcde", 400),
    "Content-Length in Arabic digits": (POST + "Content-Length: \u0665\r\n\r\nabcde".encode(), 400),
    "chunk size with sign": (CHUNKED + b"+5\r\nabcde\r\n0\r\n\r\n", 400),
    "chunk size 0x": (CHUNKED + b"0x5\r\nabcde\r\n0\r\n\r\n", 400),
    "chunk size with space": (CHUNKED + b"5 \r\nabcde\r\n0\r\n\r\n", 400),
    "chunk size empty": (CHUNKED + b"\r\nabcde\r\n0\r\n\r\n", 400),
    "chunk longer than its size": (CHUNKED + b"3\r\nabcde\r\n0\r\n\r\n", 400),
    "chunk extension with bare CR": (CHUNKED + b"5;a\rb\r\nabcde\r\n0\r\n\r\n", 400),
    "chunk extension with bare LF": (CHUNKED + b"5;a\nabcde\r\n0\r\n\r\n", 400),
    "chunk extension of 1 MB": (CHUNKED + b"5;" + b"a" * 1_000_000 + b"\r\nabcde\r\n0\r\n\r\n", 400),
    "framing field in the trailer": (CHUNKED + b"0\r\nContent-Length: 3\r\n\r\n", 400),
    "endless trailer": (CHUNKED + b"0\r\n" + b"X: a\r\n" * 10_000 + b"\r\n", 431),
    "bare CR in a header": (GET + b"X: a\rTransfer-Encoding: chunked\r\n\r\n", 400),
    "bare LF line ends": (b"GET /token HTTP/1.1\nHost: satchel.example\n\n", 400),
    "bare CR line ends": (b"GET /token HTTP/1.1\rHost: satchel.example\r\r\r\n\r\n", 400),
    "two Host": (GET + b"Host: evil.example\r\n\r\n", 400),
    "no Host": (b"GET /token HTTP/1.1\r\n\r\n", 400),
    "two Authorization": (GET + b"Authorization: Basic YTpi\r\nAuthorization: Basic Yzpk\r\n\r\n", 400),
    "two Content-Type": (GET + b"Content-Type: a/b\r\ncontent-type: c/d\r\n\r\n", 400),
    "folded header": (GET + b"X: a\r\n b\r\n\r\n", 400),
    "folded first header": (b"GET /token HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    "NUL in a header value": (GET + b"X: a\x00b\r\n\r\n", 400),
    "NUL in a header name": (GET + b"X\x00Y: a\r\n\r\n", 400),
    "space in a header name": (GET + b"X Y: a\r\n\r\n", 400),
    "no header name": (GET + b": a\r\n\r\n", 400),
    "no colon": (GET + b"nothing\r\n\r\n", 400),
    "NUL in the target": (b"GET /to\x00ken HTTP/1.1\r\n" + HEAD + b"\r\n", 400),
    "UTF-8 in the target": ("GET /tok\u00e9n HTTP/1.1\r\n".encode() + HEAD + b"\r\n", 400),
    "space in the target": (b"GET /to ken HTTP/1.1\r\n" + HEAD + b"\r\n", 400),
    "tabs for spaces": (b"GET\t/token\tHTTP/1.1\r\n" + HEAD + b"\r\n", 400),
    "relative target": (b"GET token HTTP/1.1\r\n" + HEAD + b"\r\n", 400),
    "lower-case method": (b"get /token HTTP/1.1\r\n" + HEAD + b"\r\n", 400),
    "HTTP/0.9": (b"GET /token\r\n", 400),
    "HTTP/1.2": (b"GET /token HTTP/1.2\r\n" + HEAD + b"\r\n", 400),
    "HTTP/2.0": (b"GET /token HTTP/2.0\r\n" + HEAD + b"\r\n", 400),
    "HTTP/11.1": (b"GET /token HTTP/11.1\r\n" + HEAD + b"\r\n", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(64), 400),
    "TLS hello": (bytes.fromhex("16030100c8010000c40303") + bytes(range(256)) + b"\r\n", 400),
    "PROXY protocol": (b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + GET + b"\r\n", 400),
    "empty lines": (b"\r\n" * 100 + GET + b"\r\n", 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_30_81_82_refused_once_and_hung_up_on(port, name):
    request, status = REFUSED[name]
    answers = exchange(port, request)
    assert [answer.status for answer in answers] == [status]
    assert answers[0].headers["connection"] == "close"
    assert answers[0].headers["cache-control"] == "no-store"
    assert answers[0].headers["x-content-type-options"] == "nosniff"


def test_a_refusal_quotes_nothing(port):
    (answer,) = exchange(port, GET + b"<script>alert(1)</script>: a\r\n\r\n")
    assert (answer.status, answer.body) == (400, b"Bad Request")


def test_an_application_failure_shows_neither_cause_nor_software(port):
    (answer,) = exchange(port, b"GET /crash HTTP/1.1\r\n" + HEAD + b"\r\n")
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    with Raw(port) as raw:
        raw.send(GET + b"\r\n")
        assert "server" not in raw.response().headers


LEGAL = {
    "a URL of 2,000 characters": b"GET /token?" + b"a" * 1_989 + b" HTTP/1.1\r\n" + HEAD + b"\r\n",
    "the longest Authorization and DPoP": GET
    + b"Authorization: DPoP " + b"a" * 8_000 + b"\r\nDPoP: " + b"a" * 8_000 + b"\r\n\r\n",
    "100 headers": GET + b"".join(b"X-%d: a\r\n" % n for n in range(99)) + b"\r\n",
    "HTTP/1.0 without Host": b"GET /token HTTP/1.0\r\n\r\n",
    "absolute form": b"GET http://satchel.example/token HTTP/1.1\r\n" + HEAD + b"\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\n" + HEAD + b"\r\n",
    "one empty line before": b"\r\n" + GET + b"\r\n",
    "chunked": CHUNKED + b"5;name=value\r\nabcde\r\n0\r\nX-Checksum: 1\r\n\r\n",
    "WebSocket upgrade": GET + WEBSOCKET + b"\r\n",
    "h2c upgrade": GET + H2C + b"\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", LEGAL)
def test_83_legal_and_never_anything_but_http(port, name):
    with Raw(port) as raw:
        raw.send(LEGAL[name])
        answer = raw.response()
    assert (answer.status, answer.json["type"]) == (200, "http")


def test_86_forwarding_headers_of_a_client_change_nothing(port):
    with Raw(port) as raw:
        raw.send(
            GET + b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: on\r\nX_Client_Cert: a\r\nScript_Name: /a\r\n\r\n"
        )
        seen = raw.response().json
    assert (seen["scheme"], seen["path"]) == ("http", "/token")
    assert seen["headers"] == ["host", "x-forwarded-proto", "x-forwarded-ssl"]


def test_pipelined_requests_are_answered_in_order(port):
    with Raw(port) as raw:
        raw.send(b"".join(b"GET /%d HTTP/1.1\r\n%s\r\n" % (n, HEAD) for n in range(20)))
        assert [raw.response().json["path"] for _ in range(20)] == [f"/{n}" for n in range(20)]


def test_81_the_rest_of_an_unread_body_is_no_request(port):
    request = b"POST /unread HTTP/1.1\r\n" + HEAD + b"Content-Length: 1000\r\n\r\n" + SMUGGLED
    answers = exchange(port, request)
    assert [answer.json["path"] for answer in answers] == ["/unread"]
    assert answers[0].headers["connection"] == "close"


def test_a_body_of_the_right_length_ends_where_it_says(port):
    request = POST + b"Content-Length: 5\r\n\r\nabcde" + GET + b"Connection: close\r\n\r\n"
    assert [answer.json["body"] for answer in exchange(port, request)] == [5, 0]


def test_expect_100_continue(port):
    with Raw(port) as raw:
        raw.send(POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert raw.response().status == 100
        raw.send(b"abcde")
        assert raw.response().json["body"] == 5


def test_expect_100_continue_is_not_kept_where_the_body_is_not_wanted(port):
    request = b"POST /unread HTTP/1.1\r\n" + HEAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    assert [answer.status for answer in exchange(port, request)] == [413]


# Time


def drip(port, first, then, pause=0.05):
    """Send `first`, then `then` again and again until the server hangs up; return its answers and the seconds."""
    with Raw(port) as raw:
        raw.send(first)
        raw.socket.setblocking(False)
        while time.monotonic() < raw.opened + 10 and raw.send(then):
            time.sleep(pause)
            try:
                data = raw.socket.recv(65_536)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                break
            raw.received += data
            if not data:
                break
        raw.socket.setblocking(True)
        raw.socket.settimeout(0.1)
        return raw.responses(), time.monotonic() - raw.opened


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"GET /", b"a"),
        (b"GET /token HTTP/1.1\r\nHost: a\r\n", b"X: a\r\n"),
        (b"GET /token HTTP/1.1\r\nHost: a\r\nX:", b"a"),
        (POST + b"Content-Length: 60000\r\n\r\n", b"a"),
        (CHUNKED, b"1\r\na\r\n"),
        (CHUNKED + b"0\r\n", b"X: a\r\n"),
    ],
    ids=["target", "headers", "header", "body", "chunks", "trailer"],
)
def test_80_a_slow_request_ends_with_the_patience(port, first, then):
    answers, seconds = drip(port, first, then)
    assert [answer.status for answer in answers] == [408]
    assert 0.5 < seconds < 2


def test_78_an_endless_chunked_body_ends(port):
    answers, seconds = drip(port, CHUNKED, b"1000\r\n" + b"a" * 4096 + b"\r\n", pause=0)
    assert [answer.status for answer in answers] == [413]
    assert seconds < 2


def test_78_a_gigabyte_announced_is_answered_at_once(port):
    with Raw(port) as raw:
        raw.send(b"POST /unread HTTP/1.1\r\n" + HEAD + b"Content-Length: 1000000000\r\n\r\n" + b"a" * 100_000)
        assert raw.response().status == 413
        assert time.monotonic() - raw.opened < 0.5
        assert raw.closed_after() < 2


def test_silence_ends(port):
    with Raw(port) as raw:
        assert 0.5 < raw.closed_after() < 2
        assert raw.received == b""


def test_silence_between_requests_ends_and_each_request_has_its_own_time(port):
    with Raw(port) as raw:
        for _ in range(4):
            raw.send(GET)
            time.sleep(0.4)
            raw.send(b"\r\n")
            assert raw.response().status == 200
        served = time.monotonic() - raw.opened
        assert 0.5 < raw.closed_after() - served < 1.5


def test_80_a_slow_second_request_ends_too(port):
    answers, seconds = drip(port, GET + b"\r\n" + GET, b"X: a\r\n")
    assert [answer.status for answer in answers] == [200, 408]
    assert seconds < 3


def test_a_client_that_does_not_read_is_dropped(port):
    with Raw(port) as raw:
        raw.send(b"GET /flood HTTP/1.1\r\n" + HEAD + b"\r\n")
        time.sleep(2)
        total = 0
        while raw._read():
            total, raw.received = total + len(raw.received), b""
        assert 0 < total < 32 << 20


def test_a_client_that_pipelines_and_does_not_read_is_dropped(port):
    with Raw(port) as raw:
        raw.socket.settimeout(0.5)
        with contextlib.suppress(TimeoutError):  # the server stops reading as well
            raw.send((b"GET /page HTTP/1.1\r\n" + HEAD + b"\r\n") * 100_000)
        time.sleep(2)
        raw.socket.settimeout(3)
        assert raw.closed_after() < 10


def test_80_hundreds_of_slow_connections_do_not_slow_the_others(port):
    slow = [Raw(port) for _ in range(300)]
    try:
        for n, raw in enumerate(slow):
            raw.send((b"", b"GET /", POST + b"Content-Length: 9\r\n\r\n")[n % 3])
        times = []
        for _ in range(100):
            begun = time.monotonic()
            with Raw(port) as raw:
                raw.send(GET + b"\r\n")
                assert raw.response().status == 200
            times.append(time.monotonic() - begun)
        assert sorted(times)[98] < 0.25
        assert max(raw.closed_after() for raw in slow) < 5
    finally:
        for raw in slow:
            raw.socket.close()
