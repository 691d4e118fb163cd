"""Requests that we make of others: to public https servers alone, by the address that was looked at (RFC 6890).

Whatever sends us somewhere, a registration or an operator's slip, does not get us to talk to machines of the inside:
names are resolved here, and the connection goes to the address that was looked at. In development, where the issuer is
on loopback, servers on loopback may be asked too.
"""

import contextlib
import ssl
from collections.abc import AsyncIterator
from functools import cache

import httpx

from service.web.public_address import AddressRefused, resolve

SECONDS = 5.0
"""Seconds for each step of an exchange."""
CONNECT_SECONDS = 2.0
"""Seconds for one connection, where a server has several addresses."""


@contextlib.asynccontextmanager
async def exchange(
    method: str, uri: str, development: bool, headers: dict[str, str], form: dict[str, str] | None = None
) -> AsyncIterator[httpx.Response]:
    """Send one request and give its answer, whose body is still to be read; no redirect is followed.

    Raises:
        AddressRefused: `uri` is none of those that may be asked.
        httpx.HTTPError, httpx.InvalidURL, OSError
    """
    url = httpx.URL(uri)
    if url.scheme != "https" and not (url.scheme == "http" and development):
        raise AddressRefused("not https")
    host = url.raw_host.decode("ascii")
    addresses = await resolve(host, url.port or (443 if url.scheme == "https" else 80), development)
    if url.scheme == "http" and not all(address.is_loopback for address in addresses):
        raise AddressRefused("http is for loopback")
    fields = {"Host": url.netloc.decode("ascii"), **headers}
    extensions = {"sni_hostname": host}  # the name is still what the server is told, and its certificate checked for
    limits = httpx.Timeout(SECONDS, connect=CONNECT_SECONDS)
    async with httpx.AsyncClient(verify=_tls(), trust_env=False, timeout=limits, follow_redirects=False) as client:
        response = await _first_answer(
            client,
            [
                client.build_request(
                    method, url.copy_with(host=str(address)), headers=fields, data=form, extensions=extensions
                )
                for address in addresses
            ],
        )
        try:
            yield response
        finally:
            await response.aclose()


async def _first_answer(client: httpx.AsyncClient, requests: list[httpx.Request]) -> httpx.Response:
    """Return the answer to the first request whose server can be reached."""
    for request in requests[:-1]:
        with contextlib.suppress(httpx.ConnectError, httpx.ConnectTimeout):
            return await client.send(request, stream=True)
    return await client.send(requests[-1], stream=True)


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
