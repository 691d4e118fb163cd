"""The interface of a client authentication method, and its input and result."""

from typing import NamedTuple, Protocol

from service.clients.registry import Registry
from service.config import Client
from service.protocol.errors import OAuthError
from service.protocol.form import Form
from service.protocol.one_time_id import OneTimeId
from service.protocol.ports import Ports

PROOFS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})
"""Form parameters that authenticate a client."""


class Credentials(NamedTuple):
    """The part of a request that can authenticate a client."""

    authorization: str | None
    """The Authorization header."""
    form: Form
    certificate: bytes | None = None
    """The client's TLS certificate (DER), as a trusted proxy reports it."""
    certificate_path: tuple[bytes, ...] = ()
    """The certificates between `certificate` and an authority (DER)."""
    address: str = ""
    """The client's IP address, as trusted proxies report it."""

    def __repr__(self) -> str:
        return "Credentials()"

    @property
    def bare_client_id(self) -> str | None:
        """The client_id, if header and body have no credentials; a certificate may still be one."""
        form = self.form
        if self.authorization is not None or form.has_any(PROOFS):
            return None
        return form.get("client_id")


class Authenticated(NamedTuple):
    """An authenticated client.

    method: the name of the authentication method (RFC 7591 section 2).
    one_time_ids: the ids to spend for the credentials before anything is issued.
    until: the instant until which the same credentials stay valid, in seconds since the epoch.
    """

    client: Client
    method: str
    one_time_ids: tuple[OneTimeId, ...] = ()
    until: float = 0.0


class Method(Protocol):
    """A client authentication method: a module with a name (RFC 7591 section 2) and two functions."""

    NAME: str

    def presented(self, credentials: Credentials, registry: Registry, /) -> bool:
        """Tell whether the request uses this method; the credentials may be wrong."""
        ...

    async def authenticate(
        self, credentials: Credentials, registry: Registry, ports: Ports, now: float, /
    ) -> Authenticated:
        """Return the client that the credentials authenticate.

        Raises:
            OAuthError: invalid_client.
        """
        ...


def refused(reason: str, description: str = "") -> OAuthError:
    """Return the refusal of a failed authentication; `reason` is for the log.

    Without a `description`, it is the one that every client gets until it is proved: it must not tell which clients
    exist.
    """
    if description:
        return OAuthError("invalid_client", description, reason=reason)
    return OAuthError(
        "invalid_client",
        "client authentication failed; check client_id, credentials and authentication method",
        reason=reason,
    )
