"""Client authentication (RFC 6749 section 2.3), for every endpoint that clients call.

| method, and file            | checks, in order                                                      |
|-----------------------------|-----------------------------------------------------------------------|
| client_secret_basic         | Basic header, client_id of the body, then secrets.py                  |
| client_secret_post          | client_id, then secrets.py                                            |
| client_secret_jwt           | assertion.py, with the HMAC key of the client's secret                |
| private_key_jwt             | assertion.py, with the client's public keys (client_keys.py)          |
| tls_client_auth             | tls.py, then the certificate's name and its issuing CA                |
| self_signed_tls_client_auth | tls.py, then the certificate's key (client_keys.py)                   |
| none                        | client, registered method                                             |
| custom                      | the operator's code, then client, client_id, registered method        |
| secrets.py                  | client, SHA-256, Argon2id with a rate limit, registered method        |
| assertion.py                | type, client, registered method, alg, signature, iss, aud, times, jti |
| tls.py                      | client, certificate, its times                                        |

A method is in the file of its name (RFC 7591 section 2); method.py defines the interface of a method.

A request must use exactly one method, and the client must be registered for it. So a stolen secret is useless for a
client that is registered for `private_key_jwt`. A new method is one file and one line in `METHODS`.
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
    """Return the client that `credentials` authenticate at `now` (seconds since the epoch).

    Raises:
        OAuthError: invalid_client; invalid_request if the request uses two methods (RFC 6749 section 2.3);
            server_error or temporarily_unavailable if the credentials cannot be checked now.
    """
    only = _only_method(credentials) if ports.authenticate_client is None else None
    if only is not None:
        return await only.authenticate(credentials, registry, ports, now)
    presented = [method for method in METHODS if method.presented(credentials, registry)]
    if custom in presented:  # the operator's code checks everything that a client of `custom` sends
        presented = [custom]
    if len(presented) != 1:
        if presented:
            raise OAuthError("invalid_request", "use exactly one client authentication method; the request has several")
        raise OAuthError("invalid_client", "client authentication is missing")
    return await presented[0].authenticate(credentials, registry, ports, now)


def _only_method(credentials: Credentials) -> Method | None:
    """Return the only method whose `presented` can be true, if header and form show it at once; else None.

    This is a short cut for the usual requests. The result is the same as without it.
    """
    form = credentials.form
    if credentials.authorization is not None:
        return None if form.has_any(PROOFS) else client_secret_basic
    if form.get("client_assertion") is not None and form.get("client_secret") is None:
        return client_secret_jwt if assertion.has_mac(credentials) else private_key_jwt
    return none if credentials.certificate is None and credentials.bare_client_id is not None else None
