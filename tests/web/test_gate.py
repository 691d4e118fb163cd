"""The gate: whole bodies within a size, each header once, whatever the server hands over (ASGI 3)."""

import asyncio
from typing import Any

import pytest

from service.web.gate import MAX_BODY
from tests.worlds.demo import CXF, DEMO
from tests.worlds.satchel import Satchel

GRANT = b"grant_type=client_credentials"
Event = dict[str, Any]


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("gate"), DEMO)


def talk(satchel: Satchel, events: list[Event], kind: str = "http") -> tuple[list[Event], int]:
    """Serve one request whose body comes in `events`; return what was sent, and how many events were taken."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", **CXF}
    scope = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/token",
        "raw_path": b"/token",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8000),
    }
    sent: list[Event] = []
    taken = 0

    async def receive() -> Event:
        nonlocal taken
        taken += 1
        return events[taken - 1] if taken <= len(events) else {"type": "http.disconnect"}

    async def send(event: Event) -> None:
        sent.append(event)

    asyncio.run(satchel.app(scope, receive, send))
    return sent, taken


def parts(*bodies: bytes, more: bool = False) -> list[Event]:
    last = len(bodies) - 1
    return [{"type": "http.request", "body": body, "more_body": n < last or more} for n, body in enumerate(bodies)]


def status(sent: list[Event]) -> int:
    [start] = [event for event in sent if event["type"] == "http.response.start"]
    assert sent[-1].get("more_body", False) is False
    return int(start["status"])


@pytest.mark.parametrize("size", [1, 2, 7, len(GRANT)])
def test_a_body_in_pieces(satchel: Satchel, size: int) -> None:
    pieces = [GRANT[n : n + size] for n in range(0, len(GRANT), size)]
    sent, _ = talk(satchel, parts(*pieces))
    assert status(sent) == 200
    sent, _ = talk(satchel, parts(b"", *pieces, b""))
    assert status(sent) == 200


def test_a_body_of_exactly_the_limit_in_pieces(satchel: Satchel) -> None:
    rest = MAX_BODY - len(GRANT) - 3
    sent, _ = talk(satchel, parts(GRANT, b"&x=", b"a" * (rest - 1), b"a"))
    assert status(sent) == 200
    sent, _ = talk(satchel, parts(GRANT, b"&x=", b"a" * rest, b"a"))
    assert status(sent) == 413


def test_an_endless_body_is_left_at_the_limit(satchel: Satchel) -> None:
    piece = b"a" * 1024
    events = parts(GRANT, *[piece] * 5_000, more=True)
    sent, taken = talk(satchel, events)
    assert status(sent) == 413
    assert taken * 1024 <= MAX_BODY + 2 * 1024


def test_a_413_closes_the_connection_for_the_rest_is_unread(satchel: Satchel) -> None:
    sent, _ = talk(satchel, parts(b"a" * (MAX_BODY + 1), more=True))
    assert (b"connection", b"close") in sent[0]["headers"]


@pytest.mark.parametrize("pieces", [[b"a" * (MAX_BODY + 1)], [b"a" * MAX_BODY, b"a"]])
def test_a_413_leaves_the_connection_where_all_was_read(satchel: Satchel, pieces: list[bytes]) -> None:
    sent, _ = talk(satchel, parts(*pieces))
    assert status(sent) == 413
    assert (b"connection", b"close") not in sent[0]["headers"]


@pytest.mark.parametrize("events", [[], parts(GRANT, more=True), parts(b"a", b"b", more=True)])
def test_a_caller_that_hangs_up_is_answered_nothing(satchel: Satchel, events: list[Event]) -> None:
    before = len(satchel.lines)
    sent, _ = talk(satchel, events)
    assert sent == []
    [line] = satchel.log[before:]
    assert "status" not in line


def test_hanging_up_does_not_count_as_served(satchel: Satchel) -> None:
    def served() -> set[str]:
        lines = satchel.get("/metrics").body.decode().splitlines()
        return {line for line in lines if line.startswith('satchel_requests_total{endpoint="-",outcome="ok"}')}

    before = served()
    talk(satchel, [])
    assert served() == before


def test_a_websocket_is_refused(satchel: Satchel) -> None:
    sent, _ = talk(satchel, [{"type": "websocket.connect"}], kind="websocket")
    assert [event["type"] for event in sent] == ["websocket.close"]


@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "Host", "DPoP"])
def test_a_header_that_counts_is_there_once(satchel: Satchel, name: str) -> None:
    good = {"Content-Type": "application/x-www-form-urlencoded", **CXF, "Host": "127.0.0.1"}
    value = good.get(name, "x")
    for spelling in (name, name.lower(), name.upper()):
        answer = satchel.request("POST", "/token", GRANT, [*good.items(), (name, value), (spelling, value)])
        assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_any_other_header_may_be_repeated(satchel: Satchel) -> None:
    good = {"Content-Type": "application/x-www-form-urlencoded", **CXF}
    headers = [*good.items(), ("Accept", "a"), ("Accept", "b"), ("X-Forwarded-For", "a"), ("X-Forwarded-For", "b")]
    assert satchel.request("POST", "/token", GRANT, headers).status == 200
