"""An access token that was presented to the caller, with the proof of its key (RFC 9449 section 7, RFC 8705 3)."""

from service.decision_api.wire import CallersFault, Message, certificate_of
from service.decisions.form_request import FormRequest


class PresentedToken(Message):
    """A token and the proof of its key; `htm` and `htu` are the method and URL that a DPoP proof must name."""

    token: str | None = None
    client_certificate: str | None = None
    dpop: str | None = None
    htm: str | None = None
    htu: str | None = None
    dpop_nonce_required: bool | None = None

    def form_request(self) -> FormRequest:
        """Return the request that the caller received.

        Raises:
            CallersFault: a member is missing or malformed.
        """
        if self.dpop and not self.htu:
            raise CallersFault("htu is missing; send the URL that the DPoP proof must name")
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
        return "PresentedToken()"
