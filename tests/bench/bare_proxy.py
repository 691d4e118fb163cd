"""The least that an ASGI proxy on httpx can do: send the request on, stream the response back."""

import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

_TARGET = os.environ["BENCH_TARGET"]
_client = httpx.AsyncClient()


async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    """Serve one request, or the start and the end of the worker."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await _client.aclose()
        await send({"type": "lifespan.shutdown.complete"})
        return

    async def body() -> AsyncIterator[bytes]:
        while True:
            event = await receive()
            yield event.get("body", b"")
            if not event.get("more_body"):
                return

    headers = [header for header in scope["headers"] if header[0] != b"host"]
    content = body() if scope["method"] == "POST" else None
    request = _client.build_request(scope["method"], _TARGET + scope["path"], headers=headers, content=content)
    response = await _client.send(request, stream=True)
    try:
        kept = [header for header in response.headers.raw if header[0].lower() not in (b"connection", b"keep-alive")]
        await send({"type": "http.response.start", "status": response.status_code, "headers": kept})
        async for chunk in response.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await response.aclose()
