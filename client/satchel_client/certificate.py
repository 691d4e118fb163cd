"""Client certificates from the header of a trusted proxy, for certificate-bound tokens (RFC 8705 section 3)."""

import binascii
import hashlib
import re
import ssl
from urllib.parse import unquote

from satchel_client.errors import InvalidToken
from satchel_jose.base64url import encode

_BYTE_SEQUENCE = re.compile(r":([A-Za-z0-9+/]+=*):")
_MAX_CHARS = 16384


def thumbprint(certificate: bytes) -> str:
    """Return the `x5t#S256` of a certificate (DER): base64url, 43 characters."""
    return encode(hashlib.sha256(certificate).digest()).decode()


def read_certificate_header(value: str) -> bytes:
    """Return the certificate (DER) in a proxy's header: `Client-Cert` (RFC 9440), or PEM, percent-encoded or not.

    Raises:
        InvalidToken: invalid_request: the header does not contain a certificate.
    """
    try:
        if len(value) > _MAX_CHARS:
            raise ValueError("too long")
        if sequence := _BYTE_SEQUENCE.fullmatch(value.strip()):
            return binascii.a2b_base64(sequence[1], strict_mode=True)
        return ssl.PEM_cert_to_DER_cert(unquote(value).strip())
    except ValueError:
        raise InvalidToken("invalid_request", "the client certificate cannot be read") from None
