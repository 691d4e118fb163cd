"""The client's certificate as a TLS-terminating proxy passes it on (RFC 9440, and what nginx and envoy send).

From anyone but a trusted proxy the header means nothing: it is not even looked at. The proxy must remove the header
that a client sends, and must do so for one header alone, which is why a repeated one is refused.
"""

import binascii
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from service.config import Proxies
from service.protocol.errors import OAuthError
from service.web.proxies import TrustedProxies

CertificateReader = Callable[[dict[str, Any]], bytes | None]
"""ASGI scope -> certificate (DER), or None."""

# One element: pairs of a name and a value, which is quoted where it has a comma, a semicolon or an equals sign.
_PAIR = re.compile(r'([A-Za-z]++)=(?:"((?:[^"\\]|\\.)*+)"|([^",;]*+))(?:;|$)')


def certificate_reader(proxies: Proxies) -> CertificateReader | None:
    """Return what reads certificates out of requests; None where none is configured to come."""
    if not proxies.certificate_header:
        return None
    header, decode = FORMS[proxies.certificate_header]
    trusted = TrustedProxies(proxies)

    def read(scope: dict[str, Any]) -> bytes | None:
        """Raise OAuthError, invalid_request, where a trusted proxy sends something else than a certificate."""
        values = [value for name, value in scope["headers"] if name == header]
        if not values or not trusted.sent(scope):
            return None
        try:
            if len(values) > 1:
                raise ValueError
            text = values[0].decode("ascii").strip(" \t")
            return decode(text) if text else None
        except ValueError:
            raise OAuthError("invalid_request", "the client certificate's header is malformed") from None

    return read


def _rfc9440(text: str) -> bytes:
    """Decode a Byte Sequence (RFC 8941 section 3.3.5)."""
    if len(text) < 2 or text[0] != ":" or text[-1] != ":":
        raise ValueError
    return _base64(text[1:-1])


def _escaped_pem(text: str) -> bytes:
    """Decode a URL-escaped PEM text of one certificate."""
    lines = unquote(text, errors="strict").split()
    if lines[:2] != ["-----BEGIN", "CERTIFICATE-----"] or lines[-2:] != ["-----END", "CERTIFICATE-----"]:
        raise ValueError
    return _base64("".join(lines[2:-2]))


def _xfcc(text: str) -> bytes | None:
    """Decode Cert of the one element of an X-Forwarded-Client-Cert; one without it brings no certificate.

    Envoy repeats By and DNS for each name of a certificate; it writes Cert once.
    """
    values: dict[str, str] = {}
    end = 0
    while end < len(text):
        pair = _PAIR.match(text, end)
        if pair is None or ("cert" in values and pair[1].lower() == "cert"):
            raise ValueError
        values[pair[1].lower()] = pair[2] or pair[3] or ""
        end = pair.end()
    return _escaped_pem(values["cert"]) if "cert" in values else None


def _base64(text: str) -> bytes:
    der = binascii.a2b_base64(text, strict_mode=True)
    if not der:
        raise ValueError
    return der


FORMS: dict[str, tuple[bytes, Callable[[str], bytes | None]]] = {
    "rfc9440": (b"client-cert", _rfc9440),
    "nginx": (b"x-ssl-client-cert", _escaped_pem),
    "envoy": (b"x-forwarded-client-cert", _xfcc),
}
"""Each form's header and decoder; a decoder raises ValueError for what is malformed."""
