"""Outgoing requests: to public https servers only (RFC 6890).

A URL in a registration or in the configuration must not make this service connect to internal machines. Therefore the
name is resolved and checked here, and the connection goes to the checked address. In development (the issuer is on
loopback) servers on loopback are allowed too.
"""

import contextlib
import ssl
from collections.abc import AsyncIterator
from functools import cache

import httpx

from service.web.public_address import AddressRefused, resolve

SECONDS = 5.0
"""Seconds for each step of a request."""
CONNECT_SECONDS = 2.0
"""Seconds for connecting to one address of a server."""


@contextlib.asynccontextmanager
async def exchange(
    method: str, uri: str, development: bool, headers: dict[str, str], form: dict[str, str] | None = None
) -> AsyncIterator[httpx.Response]:
    """Send one request and yield the response, whose body is not read yet. Redirects are not followed.

    Raises:
        AddressRefused: `uri` is not https or does not lead to a public address.
        httpx.HTTPError, httpx.InvalidURL, OSError
    """
    url = httpx.URL(uri)
    if url.scheme != "https" and not (url.scheme == "http" and development):
        raise AddressRefused("the URL is not https")
    host = url.raw_host.decode("ascii")
    addresses = await resolve(host, url.port or (443 if url.scheme == "https" else 80), development)
    if url.scheme == "http" and not all(address.is_loopback for address in addresses):
        raise AddressRefused("http is allowed on loopback only")
    fields = {"Host": url.netloc.decode("ascii"), **headers}
    extensions = {"sni_hostname": host}  # TLS still uses and verifies the name
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
    """Return the response to the first request whose address can be reached."""
    for request in requests[:-1]:
        with contextlib.suppress(httpx.ConnectError, httpx.ConnectTimeout):
            return await client.send(request, stream=True)
    return await client.send(requests[-1], stream=True)


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
