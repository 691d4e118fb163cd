"""What a client-authentication method is, and what it reads."""

from typing import NamedTuple, Protocol

from service.clients.registry import Registry
from service.config import Client
from service.protocol.errors import OAuthError
from service.protocol.form import Form
from service.protocol.one_time_id import OneTimeId
from service.protocol.ports import Ports

PROOFS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})
"""Parameters by which a form proves its client."""


class Credentials(NamedTuple):
    """The part of a request that can prove a client."""

    authorization: str | None
    """The Authorization header."""
    form: Form
    certificate: bytes | None = None
    """The client's certificate (DER), from the TLS connection by way of a trusted proxy."""
    certificate_path: tuple[bytes, ...] = ()
    """Certificates (DER) that came with it, to lead from it to an authority."""
    address: str = ""
    """Where the request comes from, as far as trusted proxies tell."""

    def __repr__(self) -> str:
        return "Credentials()"

    @property
    def bare_client_id(self) -> str | None:
        """The client_id, if nothing else in header and body speaks for a client; a certificate may still do so."""
        form = self.form
        if self.authorization is not None or form.has_any(PROOFS):
            return None
        return form.get("client_id")


class Authenticated(NamedTuple):
    """A client and the method that proved it (its name in RFC 7591's registry); `spends` must be spent with it."""

    client: Client
    method: str
    one_time_ids: tuple[OneTimeId, ...] = ()
    until: float = 0.0
    """The instant (seconds since the epoch) until which the same credentials prove the same client again."""


class Method(Protocol):
    """A method; each is a module with a name (RFC 7591 section 2) and two functions."""

    NAME: str

    def presented(self, credentials: Credentials, registry: Registry, /) -> bool:
        """Tell whether the request uses this method, rightly or wrongly."""
        ...

    async def authenticate(
        self, credentials: Credentials, registry: Registry, ports: Ports, now: float, /
    ) -> Authenticated:
        """Return the client.

        Raises:
            OAuthError: invalid_client.
        """
        ...


def refused(reason: str) -> OAuthError:
    """Return the one refusal of every failed authentication; `reason` is for the log."""
    return OAuthError("invalid_client", "client authentication failed", reason=reason)
