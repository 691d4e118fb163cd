"""Sends back-channel logout requests to clients (OpenID Connect Back-Channel Logout section 2.5)."""

import asyncio

import httpx
import structlog

from service.web.outward import exchange
from service.web.public_address import AddressRefused

SECONDS = 5.0
"""Seconds for one request in total: name resolution, connection and response."""

log = structlog.get_logger("satchel")


class HttpNotify:
    """Posts forms to registered URLs of clients. In `development`, loopback addresses are allowed."""

    def __init__(self, development: bool) -> None:
        self._development = development

    async def __call__(self, url: str, form: dict[str, str]) -> bool:
        """Post `form` to `url`; return whether the client accepted it (status 200 or 204)."""
        try:
            async with (
                asyncio.timeout(SECONDS),
                exchange("POST", url, self._development, {"Accept": "application/json"}, form) as response,
            ):
                accepted, fault = response.status_code in (200, 204), f"status {response.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, ValueError, AddressRefused) as raised:
            accepted, fault = False, type(raised).__name__
        if not accepted:
            log.warning("back-channel logout failed", url=url, fault=fault)
        return accepted
