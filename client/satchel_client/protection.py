"""What all middleware shares: the policy, the token of a request, and the response to a refused token."""

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
"""Takes method and decoded path, and returns what the token must have; None: no token is needed."""


def any_token(_method: str, _path: str) -> Requirement | None:
    """The policy that requires a valid token for every request."""
    return NOTHING


class Protection:
    """How a resource is protected.

    `origin` is the scheme and host of this resource as clients see it ("https://api.example.com"). Without it,
    DPoP-bound tokens are refused, because a sender can choose the Host header. `certificate_header` is the header in
    which a trusted proxy passes the client certificate; the proxy must remove this header from client requests.

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
            raise ValueError("origin must be scheme://host or scheme://host:port")
        self.policy = policy
        self.metadata = metadata
        self.origin = origin
        self.certificate_header = certificate_header.lower()

    def document(self, method: str, path: str) -> Answer | None:
        """Return the RFC 9728 document if the request is for it, otherwise None."""
        if self.metadata is None or path != self.metadata.path or method not in ("GET", "HEAD"):
            return None
        headers = [
            ("Content-Type", "application/json"),
            ("Cache-Control", "public, max-age=3600"),
            ("Access-Control-Allow-Origin", "*"),
        ]
        return Answer(200, headers, self.metadata.encode())

    def present(self, method: str, path: bytes, header: Callable[[str], Sequence[str]]) -> Presented:
        """Return the token of a request, with the parts of the request to which it may be bound.

        `path` is decoded. `header` returns the values of a header by its name in lower case.

        Raises:
            MissingToken: the request has no token.
            InvalidToken: the token or the certificate header is malformed.
        """
        scheme, token = token_of(header("authorization"))
        certificates = header(self.certificate_header) if self.certificate_header else ()
        if len(certificates) > 1:
            raise InvalidToken("invalid_request", "the client certificate header is sent more than once")
        certificate = read_certificate_header(certificates[0]) if certificates and certificates[0] else None
        url = self.origin + quote(path) if self.origin else ""
        return Presented(token, scheme, header("dpop"), method, url, certificate)

    def refuse(self, error: ClientError) -> Answer:
        """Return the response to a request whose token was refused with `error`, and log the reason."""
        answer = refusal(
            error, dpop=bool(self.origin), resource_metadata="" if self.metadata is None else self.metadata.url
        )
        why = error.reason if isinstance(error, InvalidToken) else error.__cause__
        _log.info("token refused: %d %s (%s)", answer.status, error, why or "no cause")
        return answer
