"""The least that an ASGI application can do with a request: read it, answer with a constant."""

import json
import os
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

_ANSWER = json.loads(os.environ["BENCH_ANSWER"])
_HEADERS = [(name.encode(), value.encode()) for name, value in _ANSWER["headers"]]
_BODY = b"x" * _ANSWER["size"]
_SIGNING_INPUT = b"x" * 330


class Bare:
    """An application that does `work` at every request."""

    def __init__(self, work: Callable[[], object] | None = None) -> None:
        self._work = work

    async def __call__(self, scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """Serve one request, or the start and the end of the worker."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        event = await receive()
        while event.get("more_body"):
            event = await receive()
        if self._work is not None:
            self._work()
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _BODY})


_PRIVATE, _ES256 = generate_private_key(SECP256R1()), ECDSA(SHA256())
_PUBLIC, _SIGNATURE = _PRIVATE.public_key(), _PRIVATE.sign(_SIGNING_INPUT, _ES256)


def _sign() -> None:
    _PRIVATE.sign(_SIGNING_INPUT, _ES256)


def _verify_and_sign() -> None:
    _PUBLIC.verify(_SIGNATURE, _SIGNING_INPUT, _ES256)
    _PRIVATE.sign(_SIGNING_INPUT, _ES256)


constant = Bare()
signing = Bare(_sign)
verifying = Bare(_verify_and_sign)
