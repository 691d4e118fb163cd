"""Client authentication (RFC 6749 section 2.3): one file a method, one line a method in the table.

A request may carry exactly one mechanism, and it must then be one that the client is registered for: a stolen secret
opens nothing for a client of `private_key_jwt`.
"""

from service.client_auth import (
    assertion,
    client_secret_basic,
    client_secret_jwt,
    client_secret_post,
    custom,
    none,
    private_key_jwt,
    self_signed_tls_client_auth,
    tls_client_auth,
)
from service.client_auth.method import PROOFS, Authenticated, Credentials, Method
from service.clients.registry import Registry
from service.protocol.errors import OAuthError
from service.protocol.ports import Ports

METHODS: tuple[Method, ...] = (
    client_secret_basic,
    client_secret_post,
    client_secret_jwt,
    private_key_jwt,
    tls_client_auth,
    self_signed_tls_client_auth,
    none,
    custom,
)

__all__ = ["METHODS", "Authenticated", "Credentials", "authenticate"]


async def authenticate(credentials: Credentials, registry: Registry, ports: Ports, now: float) -> Authenticated:
    """Return the client that proves itself with `credentials`, at `now` (seconds since the epoch).

    Raises:
        OAuthError: invalid_client; invalid_request where two mechanisms are used at once (RFC 6749 section 2.3);
            server_error, temporarily_unavailable where the proof cannot be judged now.
    """
    usual = _usual(credentials) if ports.authenticate_client is None else None
    if usual is not None:
        return await usual.authenticate(credentials, registry, ports, now)
    presented = [method for method in METHODS if method.presented(credentials, registry)]
    if custom in presented:  # all that such a client sends is for the operator's code to judge
        presented = [custom]
    if len(presented) != 1:
        if presented:
            raise OAuthError("invalid_request", "more than one way of client authentication is used")
        raise OAuthError("invalid_client", "client authentication is missing")
    return await presented[0].authenticate(credentials, registry, ports, now)


def _usual(credentials: Credentials) -> Method | None:
    """Return the only method that any of the table would find presented, where that is plain; None: ask them all."""
    form = credentials.form
    if credentials.authorization is not None:
        return None if form.has_any(PROOFS) else client_secret_basic
    if form.get("client_assertion") is not None and form.get("client_secret") is None:
        return client_secret_jwt if assertion.has_mac(credentials) else private_key_jwt
    return none if credentials.certificate is None and credentials.bare_client_id is not None else None
