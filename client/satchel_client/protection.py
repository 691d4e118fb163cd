"""What every middleware does with a request, whatever the framework."""

import logging
from collections.abc import Callable, Sequence
from urllib.parse import quote, urlsplit

from satchel_client.certificate import read_certificate_header
from satchel_client.challenge import Answer, refusal
from satchel_client.errors import ClientError, InvalidToken
from satchel_client.presented import Presented, token_of
from satchel_client.requirement import NOTHING, Requirement
from satchel_client.resource_metadata import ResourceMetadata

_log = logging.getLogger("satchel_client")

Policy = Callable[[str, str], Requirement | None]
"""(method, path) -> what the token must have; None: no token is needed. Paths are decoded, as the framework's."""


def any_token(_method: str, _path: str) -> Requirement | None:
    """The policy that asks for a good token everywhere."""
    return NOTHING


class Protection:
    """How a resource is protected.

    `origin` is scheme and authority of this resource as clients see it ("https://api.example.com"); without it
    DPoP-bound tokens are refused, since the Host header is the sender's to choose. `certificate_header` is the name of
    the header in which a trusted proxy, which drops it from what clients send, passes their certificate.

    Raises:
        ValueError: `origin` is not an origin.
    """

    def __init__(
        self,
        policy: Policy = any_token,
        *,
        metadata: ResourceMetadata | None = None,
        origin: str = "",
        certificate_header: str = "",
    ) -> None:
        parts = urlsplit(origin)
        if origin and (parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin):
            raise ValueError("an origin is scheme://host or scheme://host:port")
        self.policy = policy
        self.metadata = metadata
        self.origin = origin
        self.certificate_header = certificate_header.lower()

    def document(self, method: str, path: str) -> Answer | None:
        """The RFC 9728 document, if that is what is asked for."""
        if self.metadata is None or path != self.metadata.path or method not in ("GET", "HEAD"):
            return None
        headers = [
            ("Content-Type", "application/json"),
            ("Cache-Control", "public, max-age=3600"),
            ("Access-Control-Allow-Origin", "*"),
        ]
        return Answer(200, headers, self.metadata.encode())

    def present(self, method: str, path: bytes, header: Callable[[str], Sequence[str]]) -> Presented:
        """Return the token of a request, and what of the request bears on it.

        `path` is decoded; `header` gives the values of a header by its name in lower case.

        Raises:
            MissingToken, InvalidToken: there is none to check.
        """
        scheme, token = token_of(header("authorization"))
        certificates = header(self.certificate_header) if self.certificate_header else ()
        if len(certificates) > 1:
            raise InvalidToken("invalid_request", "more than one client certificate")
        certificate = read_certificate_header(certificates[0]) if certificates and certificates[0] else None
        url = self.origin + quote(path) if self.origin else ""
        return Presented(token, scheme, header("dpop"), method, url, certificate)

    def refuse(self, error: ClientError) -> Answer:
        """The answer to a request whose token has met with `error`; the reason is logged."""
        answer = refusal(
            error, dpop=bool(self.origin), resource_metadata="" if self.metadata is None else self.metadata.url
        )
        why = error.reason if isinstance(error, InvalidToken) else error.__cause__
        _log.info("token refused: %d %s (%s)", answer.status, error, why or "no cause")
        return answer
