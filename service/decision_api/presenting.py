"""An access token as it came to the caller, with what proves that its sender may have it (RFC 9449 7, RFC 8705 3)."""

from service.decision_api.wire import CallersFault, Message, certificate_of
from service.decisions.form_request import FormRequest


class Presented(Message):
    """A token, and what came beside it; `htm` and `htu` are the method and the URL that a DPoP proof is for."""

    token: str | None = None
    client_certificate: str | None = None
    dpop: str | None = None
    htm: str | None = None
    htu: str | None = None
    dpop_nonce_required: bool | None = None

    def form_request(self) -> FormRequest:
        """Return the request that came to the caller.

        Raises:
            CallersFault: it could not have come so.
        """
        if self.dpop and not self.htu:
            raise CallersFault("htu is missing: the DPoP proof is for a URL")
        return FormRequest(
            b"",
            f"{'DPoP' if self.dpop else 'Bearer'} {self.token}",
            self.dpop or None,
            certificate_of("clientCertificate", self.client_certificate),
            method=self.htm or "GET",
            url=self.htu or "",
            nonce_required=bool(self.dpop_nonce_required),
        )

    def __repr__(self) -> str:
        return "Presented()"
