"""Requests that the worker hands over as a whole, outside of ASGI: HTTP/1.1 (RFC 9112) holds for them all the same."""

import contextlib
import signal
import time

import pytest

from tests.server.raw_http import Raw, exchange
from tests.server.toy_service import serving

pytestmark = pytest.mark.slow

HEAD = b"Host: satchel.example\r\n"
LAST = b"Connection: close\r\n"


def post(name, body=b"abcde", headers=b"", version=b"1.1", length=None):
    start = b"POST /whole/" + name.encode() + b" HTTP/" + version + b"\r\n" + HEAD + headers
    return start + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body


@pytest.fixture(scope="module")
def server():
    with serving("--keep-alive", "1") as server:
        yield server
        assert server.process.poll() is None
        expected = server.log.count("RuntimeError: a secret that") + server.log.count("InvalidResponseHeader: ")
        assert server.log.count("Traceback") == expected


@pytest.fixture
def port(server):
    yield server.port
    (answer,) = exchange(server.port, post("echo", headers=LAST))
    assert answer.json["whole"] == 5  # whatever was done to it, it still serves


def test_an_answer(port):
    with Raw(port) as raw:
        raw.send(post("echo", b"abc", b"X-A: b\r\n"))
        answer = raw.response()
        assert answer.json == {"path": "/whole/echo", "whole": 3, "headers": ["host", "x-a", "content-length"]}
        assert answer.status == 200
        assert answer.headers.keys() == {"content-type", "x-path", "content-length", "date"}
        assert raw.closed_after() > 0.5  # it was kept alive


@pytest.mark.parametrize("name", ["whole", "long"])
@pytest.mark.parametrize("authority", [b"http://satchel.example", b"HTTPS://127.0.0.1:8000", b"http://[::1]:80"])
def test_a_target_may_name_the_server_too(port, authority, name):
    request = post("echo", headers=LAST).replace(
        b"/whole/echo", authority + b"/" + name.encode() + b"/echo?a=http://b/c"
    )
    (answer,) = exchange(port, request)
    assert answer.json["path"] == f"/{name}/echo"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"http://satchel.example", "/"),
        (b"http://satchel.example?a=b", "/"),
        (b"http://satchel.example//whole/echo", "//whole/echo"),
        (b"/http://satchel.example/whole/echo", "/http://satchel.example/whole/echo"),
        (b"ftp://satchel.example/whole/echo", "ftp://satchel.example/whole/echo"),
        (b"http://somebody@satchel.example/whole/echo", "http://somebody@satchel.example/whole/echo"),
        (b"http:///whole/echo", "http:///whole/echo"),
    ],
)
def test_what_only_looks_like_the_servers_name(port, target, path):
    (answer,) = exchange(port, post("echo", headers=LAST).replace(b"/whole/echo", target))
    assert answer.json["path"] == path


def test_many_on_one_connection(port):
    with Raw(port) as raw:
        for n in range(50):
            raw.send(post("echo", b"a" * n))
            assert raw.response().json.get("whole", 0) == n


def test_pipelined_requests_are_answered_in_order(port):
    with Raw(port) as raw:
        raw.send(b"".join(post("slow" if n == 3 else "echo", b"a" * n) for n in range(1, 20)))
        assert [raw.response().json["whole"] for _ in range(1, 20)] == list(range(1, 20))


def test_whole_and_other_requests_alternate(port):
    other = b"POST /token HTTP/1.1\r\n" + HEAD + b"Content-Length: 2\r\n\r\nab"
    answers = exchange(port, post("echo") + other + post("page") + other + post("echo", headers=LAST))
    assert [answer.status for answer in answers] == [200] * 5
    assert [len(answer.body) > 10_000 for answer in answers] == [False, False, True, False, False]


@pytest.mark.parametrize(
    ("request_", "closes"),
    [
        (post("echo", headers=LAST), True),
        (post("echo", version=b"1.0"), True),
        (post("echo", headers=b"Connection: keep-alive\r\n"), False),
        (post("echo"), False),
    ],
    ids=["close", "1.0", "keep-alive", "1.1"],
)
def test_the_end_of_a_connection_is_announced(port, request_, closes):
    with Raw(port) as raw:
        raw.send(request_)
        answer = raw.response()
        assert (answer.headers.get("connection") == "close") is closes
        assert (raw.closed_after() < 0.5) is closes


def test_what_is_in_pieces_goes_the_long_way(port):
    with Raw(port) as raw:
        whole = post("echo", b"abcdefgh")
        raw.send(whole[:-4])
        time.sleep(0.1)
        raw.send(whole[-4:])
        assert raw.response().json["body"] == 8
        chunked = b"POST /whole/echo HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        raw.send(chunked + b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")
        assert raw.response().json["body"] == 5
        raw.send(post("echo", b"", b"Expect: 100-continue\r\n", length=5))
        assert raw.response().status == 100
        raw.send(b"abcde")
        assert raw.response().json["body"] == 5
        raw.send(b"GET /whole/echo HTTP/1.1\r\n" + HEAD + b"\r\n")
        assert raw.response().json["method"] == "GET"
        raw.send(post("echo", b"", length=0))
        assert raw.response().json["body"] == 0


def test_a_body_over_the_limit_goes_the_long_way(port):
    assert exchange(port, post("echo", b"a" * 65_536, LAST))[0].json.get("whole", 65_536) == 65_536
    answers = exchange(port, post("echo", b"a" * 70_000))
    assert [answer.status for answer in answers] == [413]


def test_a_failure_shows_neither_cause_nor_software(server, port):
    answers = exchange(port, post("crash") + post("echo"))
    assert [answer.status for answer in answers] == [500]
    assert b"secret" not in answers[0].body
    assert "server" not in answers[0].headers
    assert answers[0].headers["connection"] == "close"
    server.until("RuntimeError: a secret that no client may see")


def test_a_header_cannot_be_split(port):
    (answer,) = exchange(port, post("split", b"a\r\nSet-Cookie: b", LAST))
    assert answer.status == 500
    assert "set-cookie" not in answer.headers
    (answer,) = exchange(port, post("split", b"harmless", LAST))
    assert (answer.status, answer.headers["x-echo"]) == (200, "harmless")


def test_whoever_leaves_early_disturbs_nobody(server, port):
    before = server.log.count("slow answered")
    for _ in range(10):
        with Raw(port) as raw:
            raw.send(post("slow"))
    deadline = time.monotonic() + 5
    while server.log.count("slow answered") < before + 10:  # what was begun is finished
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_long_wait_for_the_application_is_not_the_peers_fault(port):
    """Its patience is for what the peer makes us wait for."""
    with Raw(port) as raw:
        for _ in range(3):
            raw.send(post("slow"))
            assert raw.response().status == 200


def test_stopping_waits_for_the_answer():
    with serving() as server, Raw(server.port) as raw:
        raw.send(post("slow"))
        server.until("slow begun")
        server.signal(signal.SIGTERM)
        answer = raw.response()
        assert (answer.status, answer.json["whole"]) == (200, 5)
        assert raw.closed_after() < 3
        assert server.process.wait(6) == 0
        assert "Traceback" not in server.log


def test_a_client_that_pipelines_and_does_not_read_is_dropped(port):
    with Raw(port) as raw:
        raw.socket.settimeout(0.5)
        with contextlib.suppress(TimeoutError):  # the server stops reading as well
            raw.send(post("page") * 50_000)
        time.sleep(2)
        raw.socket.settimeout(3)
        assert raw.closed_after() < 10


def test_81_smuggling_is_refused_here_too(port):
    smuggled = b"GET /smuggled HTTP/1.1\r\n" + HEAD + b"\r\n"
    two = b"POST /whole/echo HTTP/1.1\r\n" + HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert [answer.status for answer in exchange(port, two + smuggled)] == [400]
    answers = exchange(port, post("echo", b"abcde" + smuggled, LAST, length=5))
    assert [answer.json["path"] for answer in answers] == ["/whole/echo"]
