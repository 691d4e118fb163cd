"""A form request as any transport delivers it, and the cached plan of a repeated token request."""

from hashlib import sha256
from typing import NamedTuple

from service.client_auth import Credentials
from service.grants.plan import Plan
from service.protocol.form import Form

_MAX_CACHED = 400
"""Longest body that is cached, in bytes. A body with an assertion, code or refresh token is longer, so not cached."""


class FormRequest(NamedTuple):
    """A form request, independent of HTTP.

    body: the form, in bytes.
    authorization, dpop, accept: header values.
    certificate: the client's certificate (DER), as a trusted proxy reports it.
    certificate_path: the certificates between `certificate` and an authority (DER).
    address: the client's IP address, as trusted proxies report it.
    method, url: what a DPoP proof must name; an empty `url` means the endpoint's own URL.
    nonce_required: a DPoP proof needs a nonce even if the client's registration does not require one.
    """

    body: bytes
    authorization: str | None = None
    dpop: str | None = None
    certificate: bytes | None = None
    accept: str | None = None
    address: str = ""
    method: str = "POST"
    url: str = ""
    certificate_path: tuple[bytes, ...] = ()
    nonce_required: bool = False

    @property
    def digest(self) -> bytes | None:
        """The key under which the plan of a repeated token request is cached; None for a request that cannot repeat.

        Machine clients send the same bytes again and again. A request with a DPoP proof or a certificate is not cached.
        """
        if self.dpop is not None or self.certificate is not None or len(self.body) > _MAX_CACHED:
            return None
        return sha256(b"%b\n%b" % ((self.authorization or "").encode("latin-1"), self.body)).digest()

    def credentials(self, form: Form) -> Credentials:
        """Return the client's credentials; `form` is the parsed body."""
        return Credentials(self.authorization, form, self.certificate, self.certificate_path, self.address)


class CachedPlan(NamedTuple):
    """The plan for a repeated token request; valid until `until` (seconds since the epoch)."""

    client_id: str
    auth_method: str
    grant_type: str
    plan: Plan
    until: float
