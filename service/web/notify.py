"""Telling clients something on the back channel (OpenID Connect Back-Channel Logout section 2.5)."""

import asyncio

import httpx
import structlog

from service.web.outward import exchange
from service.web.public_address import AddressRefused

SECONDS = 5.0
"""Seconds for all of one message: name, connection and answer."""

log = structlog.get_logger("satchel")


class HttpNotify:
    """Posts forms to URLs of clients' registrations; in `development` to loopback too."""

    def __init__(self, development: bool) -> None:
        self._development = development

    async def __call__(self, url: str, form: dict[str, str]) -> bool:
        """Post `form` to `url`; tell whether it was taken (a status of 200 or 204)."""
        try:
            async with (
                asyncio.timeout(SECONDS),
                exchange("POST", url, self._development, {"Accept": "application/json"}, form) as response,
            ):
                taken, fault = response.status_code in (200, 204), f"status {response.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, ValueError, AddressRefused) as raised:
            taken, fault = False, type(raised).__name__
        if not taken:
            log.warning("client not told", url=url, fault=fault)
        return taken
