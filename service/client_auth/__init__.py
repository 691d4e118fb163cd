"""Client authentication (RFC 6749 section 2.3): one file a method, one line a method in the table.

A request may carry exactly one mechanism, and it must then be one that the client is registered for: a stolen secret
opens nothing for a client of `private_key_jwt`.
"""

from service.client_auth import (
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
from service.protocol.errors import OAuthError
from service.protocol.ports import Ports
from service.protocol.registry import Registry

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
    usual = credentials.authorization is not None and not credentials.form.has_any(PROOFS)
    if usual and ports.authenticate_client is None:  # the answer of all eight for most requests there are
        return await client_secret_basic.authenticate(credentials, registry, ports, now)
    presented = [method for method in METHODS if method.presented(credentials, registry)]
    if custom in presented:  # all that such a client sends is for the operator's code to judge
        presented = [custom]
    if len(presented) != 1:
        if presented:
            raise OAuthError("invalid_request", "more than one way of client authentication is used")
        raise OAuthError("invalid_client", "client authentication is missing")
    return await presented[0].authenticate(credentials, registry, ports, now)
