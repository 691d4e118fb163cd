"""The client certificate in the header of a TLS-terminating proxy (RFC 9440, nginx, envoy).

The header is read only from trusted proxies. The proxy must remove this header from client requests. A repeated header
is refused, because one of the two comes from the client.
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
"""Takes an ASGI scope and returns the certificate (DER), or None."""

# One element: pairs of name and value. A value with a comma, a semicolon or an equals sign is quoted.
_PAIR = re.compile(r'([A-Za-z]++)=(?:"((?:[^"\\]|\\.)*+)"|([^",;]*+))(?:;|$)')


def certificate_reader(proxies: Proxies) -> CertificateReader | None:
    """Return the reader for the configured header; None if no header is configured."""
    if not proxies.certificate_header:
        return None
    header, decode = HEADERS[proxies.certificate_header]
    trusted = TrustedProxies(proxies)

    def read(scope: dict[str, Any]) -> bytes | None:
        """Return the certificate of the request in `scope`.

        Raises:
            OAuthError: invalid_request: the header of a trusted proxy is not one certificate.
        """
        values = [value for name, value in scope["headers"] if name == header]
        if not values or not trusted.sent(scope):
            return None
        try:
            if len(values) > 1:
                raise ValueError
            text = values[0].decode("ascii").strip(" \t")
            return decode(text) if text else None
        except ValueError:
            description = "the proxy sent a client certificate header that cannot be read"
            raise OAuthError("invalid_request", description) from None

    return read


def _rfc9440(text: str) -> bytes:
    """Decode a Byte Sequence (RFC 8941 section 3.3.5)."""
    if len(text) < 2 or text[0] != ":" or text[-1] != ":":
        raise ValueError
    return _base64(text[1:-1])


def _escaped_pem(text: str) -> bytes:
    """Decode a percent-encoded PEM text of one certificate."""
    lines = unquote(text, errors="strict").split()
    if lines[:2] != ["-----BEGIN", "CERTIFICATE-----"] or lines[-2:] != ["-----END", "CERTIFICATE-----"]:
        raise ValueError
    return _base64("".join(lines[2:-2]))


def _xfcc(text: str) -> bytes | None:
    """Decode the member Cert of an X-Forwarded-Client-Cert header with one element; None if there is no Cert.

    Envoy repeats By and DNS for each name in a certificate, but not Cert.
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


HEADERS: dict[str, tuple[bytes, Callable[[str], bytes | None]]] = {
    "rfc9440": (b"client-cert", _rfc9440),
    "nginx": (b"x-ssl-client-cert", _escaped_pem),
    "envoy": (b"x-forwarded-client-cert", _xfcc),
}
"""Header and decoder for each value of `proxies.certificate_header`. Decoders raise ValueError for malformed input."""
