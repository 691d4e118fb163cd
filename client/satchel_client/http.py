"""Exchanges: generators that yield HTTP requests and receive the responses, so that they do no input and output.

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
"""The longest response body that is read, in bytes."""
LONGEST_WAIT = 20.0
"""Seconds from the start of a request to the end of its response."""
TIMEOUT = httpx.Timeout(10, connect=5)
"""Timeout, in seconds, of the clients that are opened here."""

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Request(NamedTuple):
    """An HTTP request."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Response(NamedTuple):
    """An HTTP response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


T = TypeVar("T")
Exchange = Generator[Request, Response, T]
"""An exchange that returns a T. If there is no response, Unreachable is thrown into the generator."""


def run(exchange: Exchange[T], client: httpx.Client) -> T:
    """Run `exchange` and return its result.

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
    """Run `exchange` in an event loop and return its result.

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
    """Return a new client, which verifies servers with the certificate authorities of the system."""
    return httpx.Client(verify=_trust(), timeout=TIMEOUT)


def open_async_client() -> httpx.AsyncClient:
    """Return a new client for an event loop."""
    return httpx.AsyncClient(verify=_trust(), timeout=TIMEOUT)


def is_private(url: str) -> bool:
    """Return whether requests to `url` cannot be read on the way: https, or http on this host."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK))


def printable(text: object, most: int = 200) -> str:
    """Return a text of a server for the log: at most `most` characters of printable ASCII."""
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
        raise httpx.ReadError("the response is too long")


def _response(answer: httpx.Response, body: bytearray) -> Response:
    return Response(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, bytes(body))


def _unreachable(request: Request, failure: Exception) -> Unreachable:
    reason = printable(failure) or type(failure).__name__
    return Unreachable(f"no answer from {printable(request.url.partition('?')[0].rpartition('@')[2])}: {reason}")
