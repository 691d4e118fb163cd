"""client_secret_basic (RFC 6749 section 2.3.1): id and secret, each form-urlencoded, in HTTP Basic (RFC 7617)."""

import binascii
from hashlib import sha256

from service.client_auth.method import Authenticated, Credentials, refused
from service.client_auth.secrets import prove
from service.clients.registry import Registry
from service.protocol.errors import OAuthError
from service.protocol.form import unquote
from service.protocol.ports import Ports

NAME = "client_secret_basic"


def presented(credentials: Credentials, registry: Registry) -> bool:
    """Tell whether there is an Authorization header; `authenticate` checks its scheme."""
    return credentials.authorization is not None


async def authenticate(credentials: Credentials, registry: Registry, ports: Ports, now: float) -> Authenticated:
    """Return the client of the header; a header that was accepted before is found in a cache by its digest.

    Raises:
        OAuthError: invalid_client; invalid_request if the body names another client; the errors of `prove`.
    """
    header = credentials.authorization or ""
    digest = sha256(header.encode("latin-1")).digest()
    proved = registry.clients.proved.find(digest, now)
    if proved is not None:
        _check_client_id(credentials, proved.client.id)
        return Authenticated(proved.client, NAME, until=proved.until)
    client_id, secret = parse_basic(header)
    _check_client_id(credentials, client_id)
    authenticated = await prove(client_id, secret, NAME, credentials, registry, ports, now)
    registry.clients.proved.keep(digest, authenticated)
    return authenticated


def _check_client_id(credentials: Credentials, client_id: str) -> None:
    if credentials.form.get("client_id") not in (None, client_id):
        raise OAuthError("invalid_request", "client_id in the body must be the client of the Authorization header")


def parse_basic(header: str) -> tuple[str, str]:
    """Return (id, secret) of a Basic credential. A colon in the id must be percent-encoded; one in the secret need not.

    Raises:
        OAuthError: invalid_client.
    """
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise refused("not Basic")
        decoded = binascii.a2b_base64(encoded.encode("ascii"), strict_mode=True)
        client_id, colon, secret = decoded.decode("ascii").partition(":")
        if not (client_id and colon):
            raise refused("no id or no colon in Basic")
        return unquote(client_id), unquote(secret)
    except (ValueError, OAuthError) as fault:
        reason = fault.reason if isinstance(fault, OAuthError) else "Basic is not base64 of ASCII"
        raise refused(reason) from None
