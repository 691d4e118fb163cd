"""Forwards one request: both bodies are streamed and never held in memory as a whole."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, cast

import httpx

from satchel_client.asgi_outgoing import Receive, Scope, Send
from satchel_client.router.headers import Header, of_request, of_response
from satchel_client.router.table import Target


class CallerGone(Exception):
    """The caller closed the connection before the end of its request."""


class BrokenOff(Exception):
    """The target stopped in the middle of its response, so the connection to the caller must end too."""


class Body(httpx.AsyncByteStream):
    """The body of the caller's request, read as it arrives."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise CallerGone
            more = event.get("more_body", False)
            if event.get("body"):
                yield event["body"]


async def ask(
    transport: httpx.AsyncBaseTransport, target: Target, timeouts: dict[str, Any], scope: Scope, receive: Receive
) -> httpx.Response:
    """Send a request to its target and return the response, whose body is not read yet.

    If the target refuses the router's token, a request without a body is sent once more with a new token.

    Raises:
        TokenUnavailable: no token can be obtained.
        httpx.TransportError: the target cannot be reached or does not respond properly in time.
        CallerGone: the caller closed the connection.
        ValueError: the URL is malformed.
    """
    headers: list[Header] = [(name.lower(), value) for name, value in scope["headers"]]
    ticket = (target.route.scope, target.route.resource)
    method = scope["method"]
    url = target.address(scope["raw_path"], scope["query_string"])
    names = dict(headers)
    chunked = b"transfer-encoding" in names
    has_body = chunked or names.get(b"content-length", b"0") != b"0"
    sent_once = False
    while True:
        token = await target.source.atoken(*ticket)
        onward, ours = of_request(headers, target.host, token.authorization.encode())
        if chunked:
            onward = [header for header in onward if header[0] != b"content-length"]
            onward.append((b"transfer-encoding", b"chunked"))
        stream = Body(receive) if has_body else httpx.ByteStream(b"")
        request = httpx.Request(method, url, headers=onward, stream=stream, extensions={"timeout": timeouts})
        response = await transport.handle_async_request(request)
        if response.status_code != 401 or not ours or sent_once or not _invalid_token(response):
            return response
        if not target.source.reject(token, *ticket) or has_body:
            return response
        await response.aclose()
        sent_once = True


async def answer(response: httpx.Response, send: Send) -> None:
    """Pass the response on to the caller, and then close or release the connection to the target.

    Raises:
        BrokenOff: the target stopped in the middle of its response.
    """
    try:
        headers = of_response(response.headers.raw)
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        async for chunk in cast(AsyncIterable[bytes], response.stream):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except httpx.TransportError as failure:
        raise BrokenOff(f"{type(failure).__name__}: {failure}") from None
    finally:
        await response.aclose()


def _invalid_token(response: httpx.Response) -> bool:
    return 'error="invalid_token"' in response.headers.get("www-authenticate", "")
