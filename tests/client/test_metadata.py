"""Discovery, and the shells that carry out an exchange, for threads and for event loops."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from satchel_client import http
from satchel_client.errors import MetadataError, Unreachable
from satchel_client.http import Exchange, Request, arun, is_private, printable, run
from satchel_client.metadata import Metadata, discover, well_known

ISSUER = "https://as.example.com/tenant"
METADATA = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token", "unknown": {"of": "us"}}
PLACES = (
    "https://as.example.com/.well-known/oauth-authorization-server/tenant",
    "https://as.example.com/tenant/.well-known/openid-configuration",
)
Handler = Callable[[httpx.Request], httpx.Response]


def in_thread(exchange: Exchange[Any], handler: Handler) -> Any:
    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        return run(exchange, client)


def in_loop(exchange: Exchange[Any], handler: Handler) -> Any:
    async def work() -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
            return await arun(exchange, client)

    return asyncio.run(work())


both = pytest.mark.parametrize("shell", [in_thread, in_loop])


def answers(*bodies: Any) -> tuple[Handler, list[str]]:
    """A server that answers with each in turn: a status, a failure, or what is sent as JSON; and what it was asked."""
    rest, urls = list(bodies), []

    def handler(request: httpx.Request) -> httpx.Response:
        urls.append(str(request.url))
        body = rest.pop(0)
        if isinstance(body, Exception):
            raise body
        if isinstance(body, int):
            return httpx.Response(body)
        return httpx.Response(200, content=body if isinstance(body, bytes) else json.dumps(body).encode())

    return handler, urls


def test_where_metadata_are() -> None:
    assert well_known(ISSUER) == PLACES
    assert well_known("https://as.example.com") == (
        "https://as.example.com/.well-known/oauth-authorization-server",
        "https://as.example.com/.well-known/openid-configuration",
    )


@both
@pytest.mark.parametrize("first", [404, 500, 301, b"<html>", b"[]", {"token_endpoint": 7}, httpx.ConnectError("no")])
def test_the_second_place_is_tried_where_the_first_has_none(shell: Any, first: Any) -> None:
    handler, urls = answers(first, METADATA)
    assert shell(discover(ISSUER), handler).token_endpoint == f"{ISSUER}/token"
    assert urls == list(PLACES)


@both
def test_neither_place_has_them(shell: Any) -> None:
    handler, _ = answers(404, httpx.ConnectTimeout("late"))
    with pytest.raises(MetadataError, match=r"status 404.*late"):
        shell(discover(ISSUER), handler)


@both
@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": ISSUER + "/"},
        {"issuer": "https://evil.example.com/tenant"},
        {"token_endpoint": "http://as.example.com/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"introspection_endpoint": "//x"},
        {"jwks_uri": "https://[::1"},
    ],
)
def test_metadata_of_somebody_else_or_open_to_eavesdroppers(shell: Any, changed: dict[str, str]) -> None:
    handler, urls = answers({**METADATA, **changed})
    with pytest.raises(MetadataError):
        shell(discover(ISSUER), handler)
    assert len(urls) == 1, "there is no falling back from a lie"


@pytest.mark.parametrize(
    "issuer", ["http://as.example.com", "https://as.example.com?x=y", "https://as.example.com/#f", "https://", "as", ""]
)
def test_what_is_no_issuer(issuer: str) -> None:
    with pytest.raises(MetadataError):
        next(discover(issuer))


def test_plain_http_beyond_this_host_if_asked_for() -> None:
    issuer = "http://as.internal"
    handler, _ = answers({"issuer": issuer, "token_endpoint": issuer + "/token"})
    assert in_thread(discover(issuer, insecure=True), handler) == Metadata(issuer, issuer + "/token")


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://a", True),
        ("http://localhost:1", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:8/", True),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost@example.com", False),
        ("http://a", False),
        ("ws://localhost", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_who_could_read_it(url: str, private: bool) -> None:
    assert is_private(url) is private


def one(request: Request) -> Exchange[Any]:
    return (yield request)


class Endless(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Bytes without end."""

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield bytes(1 << 16)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk
            await asyncio.sleep(0)


@both
def test_an_answer_is_read_up_to_a_limit(shell: Any) -> None:
    with pytest.raises(Unreachable, match="too long"):
        shell(one(Request("GET", "https://a.example.com/")), lambda _: httpx.Response(200, stream=Endless()))


@both
def test_an_answer_has_to_end_in_time(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LONGEST_WAIT", 0.2)
    monkeypatch.setattr(http, "LONGEST_ANSWER", 1 << 60)
    with pytest.raises(Unreachable, match="TimeoutError"):
        shell(one(Request("GET", "https://a.example.com/")), lambda _: httpx.Response(200, stream=Endless()))


@both
def test_redirects_are_not_followed_and_nothing_else_is_added(shell: Any) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(302, headers={"Location": "https://evil.example.com/", "X-Y": "z"})

    response = shell(one(Request("POST", "https://u:p@a.example.com/", {"x-a": "b"}, b"body")), handler)
    assert (response.status, response.headers["x-y"], len(seen)) == (302, "z", 1)
    assert (seen[0].content, seen[0].headers["x-a"]) == (b"body", "b")


@both
def test_an_exchange_is_closed_whatever_happens(shell: Any) -> None:
    ended = []

    def exchange() -> Exchange[None]:
        try:
            yield Request("GET", "https://a.example.com/")
        finally:
            ended.append(True)

    def bug(_: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        shell(exchange(), bug)
    assert ended == [True]


def test_what_a_server_says_is_fit_for_a_log() -> None:
    assert printable("a\r\nb\x1b[31m\u202e") == "a??b?[31m?"
    assert len(printable("x" * 5000)) == 200
