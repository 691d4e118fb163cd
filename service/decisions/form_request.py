"""What comes in, and what was judged before."""

from hashlib import sha256
from typing import NamedTuple

from service.client_auth import Credentials
from service.grants.plan import Plan
from service.protocol.form import Form

_LONGEST = 400  # bytes; a body with an assertion, a code or a refresh token is longer, and never repeated


class FormRequest(NamedTuple):
    """A request as any transport brings it: the form body, and what came beside it.

    `authorization`, `dpop` and `accept` are header values; `certificate` is the client's (DER), vouched for by a proxy,
    and `certificate_path` what leads from it to an authority; `address` is where it comes from, as far as trusted
    proxies tell; `method` is the verb, which a DPoP proof names together with `url`, if that is not the endpoint's own.
    With `nonce_required` a proof needs a nonce, whatever the client's registration says.
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
        """What a token request is known by when it is repeated; None for one that proves something new each time.

        Machine clients repeat one request, byte for byte, for as long as they live.
        """
        if self.dpop is not None or self.certificate is not None or len(self.body) > _LONGEST:
            return None
        return sha256(b"%b\n%b" % ((self.authorization or "").encode("latin-1"), self.body)).digest()

    def credentials(self, form: Form) -> Credentials:
        """Return what proves the client; `form` is the body."""
        return Credentials(self.authorization, form, self.certificate, self.certificate_path, self.address)


class Judged(NamedTuple):
    """The judgement on a token request, good until an instant in seconds since the epoch."""

    client_id: str
    auth_method: str
    grant_type: str
    plan: Plan
    until: float
