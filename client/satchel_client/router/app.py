"""The ASGI application of the router: /healthz, /metrics, and forwarding by the prefix table."""

import logging
import time
from collections.abc import Mapping

import httpx

from satchel_client.asgi_outgoing import Receive, Scope, Send, retry_after
from satchel_client.errors import TokenUnavailable
from satchel_client.router.config import Config
from satchel_client.router.forward import CallerGone, answer, ask
from satchel_client.router.headers import VIA
from satchel_client.router.metrics import Metrics
from satchel_client.router.table import Table, Target, leads_astray, sources, targets

_log = logging.getLogger("satchel_client.router")

NO_ROUTE = ""
"""The route under which requests without a matching prefix are counted."""


class Router:
    """The router. It is created before the event loop starts; connections are opened in the event loop."""

    def __init__(self, config: Config) -> None:
        """Take the configuration.

        Raises:
            ClientError: a secret, a key or a certificate cannot be read.
        """
        by_name = sources(config)
        rows = targets(config, by_name)
        self._metrics = Metrics(by_name)
        self._table = Table(rows)
        self._timeouts = httpx.Timeout(config.read_timeout, connect=config.connect_timeout).as_dict()
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        self._transports = {
            target.prefix: httpx.AsyncHTTPTransport(verify=target.route.tls.context(), limits=limits) for target in rows
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection of the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1003})
        elif scope["path"] == "/healthz":
            await _say(send, 200, "ok")
        elif scope["path"] == "/metrics":
            await _reply(send, 200, self._metrics.text(), {"content-type": "text/plain; version=0.0.4"})
        else:
            await self._forward(scope, receive, send)

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        raw_path = scope["raw_path"]
        target = None if leads_astray(raw_path) else self._table.find(raw_path)
        status = 0
        try:
            if target is None:
                status = 404
                await _say(send, status, "no route matches this path")
                return
            response = await self._ask(target, scope, receive, send)
            if isinstance(response, int):
                status = response
                return
            status = response.status_code
        finally:
            route = NO_ROUTE if target is None else target.route.prefix
            self._metrics.answered(route, status, time.perf_counter() - began)
        await answer(response, send)

    async def _ask(self, target: Target, scope: Scope, receive: Receive, send: Send) -> httpx.Response | int:
        """Return the target's response, or the status of an error response that was sent; 0 if the caller is gone."""
        try:
            return await ask(self._transports[target.prefix], target, self._timeouts, scope, receive)
        except CallerGone:
            return 0
        except TokenUnavailable as failure:
            _log.warning("%s: no token: %s", target.route.prefix, failure)
            return await _say(
                send, 503, "no access token for this service can be obtained now", {"retry-after": retry_after(failure)}
            )
        except httpx.TransportError as failure:
            _log.warning("%s: %s: %s", target.route.prefix, type(failure).__name__, failure)
            if isinstance(failure, httpx.TimeoutException):
                return await _say(send, 504, "the service did not respond in time")
            return await _say(send, 502, "the service cannot be reached")
        except (ValueError, httpx.InvalidURL):
            return await _say(send, 400, "the URL of the request is malformed")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.shutdown":
                for transport in self._transports.values():
                    await transport.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return
            await send({"type": "lifespan.startup.complete"})


async def _say(send: Send, status: int, text: str, headers: Mapping[str, str] | None = None) -> int:
    return await _reply(send, status, f"{text}\n".encode(), {"content-type": "text/plain", **(headers or {})})


async def _reply(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> int:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*raw, length, VIA]})
    await send({"type": "http.response.body", "body": body})
    return status
