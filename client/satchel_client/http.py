"""HTTP without input or output: an exchange is a generator that yields requests and is sent the responses.

`run` and `arun` carry one out with httpx. Redirects are never followed: what is sent holds credentials.
"""

import asyncio
import functools
import time
from collections.abc import Generator, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx

from satchel_client.errors import Unreachable

LONGEST_ANSWER = 1 << 20
"""Bytes of a body that are read."""
LONGEST_WAIT = 20.0
"""Seconds from the start of a request to the end of its answer."""
TIMEOUT = httpx.Timeout(10, connect=5)
"""Seconds of the clients that are opened here."""

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Request(NamedTuple):
    """What is to be sent."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Response(NamedTuple):
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


T = TypeVar("T")
Exchange = Generator[Request, Response, T]
"""A dialogue with a server that ends in a T. Where there is no answer, Unreachable is thrown into it."""


def run(exchange: Exchange[T], client: httpx.Client) -> T:
    """Carry out `exchange`.

    Raises:
        ClientError: what the exchange raises; Unreachable where it lets that pass.
    """
    outcome: Response | Unreachable | None = None
    try:
        while True:
            request = _next(exchange, outcome)
            try:
                outcome = _send(client, request)
            except Unreachable as failure:
                outcome = failure
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        exchange.close()


async def arun(exchange: Exchange[T], client: httpx.AsyncClient) -> T:
    """Carry out `exchange` in an event loop.

    Raises:
        ClientError: as for `run`.
    """
    outcome: Response | Unreachable | None = None
    try:
        while True:
            request = _next(exchange, outcome)
            try:
                outcome = await _asend(client, request)
            except Unreachable as failure:
                outcome = failure
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        exchange.close()


def open_client() -> httpx.Client:
    """Return a client of its own connections, which verifies servers by the system's authorities."""
    return httpx.Client(verify=_trust(), timeout=TIMEOUT)


def open_async_client() -> httpx.AsyncClient:
    """Return the same for an event loop."""
    return httpx.AsyncClient(verify=_trust(), timeout=TIMEOUT)


def is_private(url: str) -> bool:
    """Whether nobody on the way can read what is sent to `url`: https, or http on this host."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK))


def printable(text: object, most: int = 200) -> str:
    """Return what a server said in a form that a log can hold: `most` characters of printable ASCII."""
    return "".join(character if " " <= character <= "~" else "?" for character in str(text)[:most])


_trust = functools.cache(httpx.create_ssl_context)  # reading the authorities takes longer than a request


def _next(exchange: Exchange[T], outcome: Response | Unreachable | None) -> Request:
    if isinstance(outcome, Unreachable):
        return exchange.throw(outcome)
    return exchange.send(outcome)  # type: ignore[arg-type]  # None starts a generator


def _send(client: httpx.Client, request: Request) -> Response:
    deadline = time.monotonic() + LONGEST_WAIT
    body = bytearray()
    try:
        with client.stream(**_arguments(request)) as answer:
            for chunk in answer.iter_bytes():
                _take(body, chunk)
                if time.monotonic() > deadline:
                    raise TimeoutError
        return _response(answer, body)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as failure:
        raise _unreachable(request, failure) from None


async def _asend(client: httpx.AsyncClient, request: Request) -> Response:
    body = bytearray()
    try:
        async with asyncio.timeout(LONGEST_WAIT), client.stream(**_arguments(request)) as answer:
            async for chunk in answer.aiter_bytes():
                _take(body, chunk)
        return _response(answer, body)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as failure:
        raise _unreachable(request, failure) from None


def _arguments(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.url,
        "headers": {"accept": "application/json", "accept-encoding": "identity", **request.headers},
        "content": request.body,
        "auth": None,
        "follow_redirects": False,
    }


def _take(body: bytearray, chunk: bytes) -> None:
    body += chunk
    if len(body) > LONGEST_ANSWER:
        raise httpx.ReadError("the answer is too long")


def _response(answer: httpx.Response, body: bytearray) -> Response:
    return Response(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, bytes(body))


def _unreachable(request: Request, failure: Exception) -> Unreachable:
    reason = printable(failure) or type(failure).__name__
    return Unreachable(f"no answer from {printable(request.url.partition('?')[0].rpartition('@')[2])}: {reason}")
