"""The names and the public key in a client certificate (RFC 5280, RFC 8705 section 2). Nothing is verified here."""

from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Literal, NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID
from jwcrypto.jwk import JWK

from service.bags.errors import BadBag
from service.bags.jwk import read_public_jwk

MAX_BYTES = 8192

NameKind = Literal["subject_dn", "san_dns", "san_uri", "san_ip", "san_email"]
"""The names of RFC 8705 section 2.1.2, without the prefix `tls_client_auth_`."""

# What OpenSSL and proxies write beside the short names of RFC 4514 section 3.
_ATTRIBUTES = {
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "organizationIdentifier": NameOID.ORGANIZATION_IDENTIFIER,
    "title": NameOID.TITLE,
    "GN": NameOID.GIVEN_NAME,
    "SN": NameOID.SURNAME,
}


class Certificate(NamedTuple):
    """The content of a certificate: canonical names, the key's thumbprint (RFC 7638), times in seconds since the epoch.

    Nothing is verified here: the TLS handshake verifies the chain and the possession of the private key.
    """

    names: frozenset[tuple[NameKind, str]]
    key_thumbprint: str
    not_before: float
    not_after: float


@lru_cache(256)  # a client sends the same certificate many times
def read_certificate(der: bytes) -> Certificate:
    """Return the content of a certificate.

    Raises:
        BadBag: the certificate is over 8 KiB or malformed, or its key is weak or of a kind that is not used here.
    """
    if len(der) > MAX_BYTES:
        raise BadBag("certificate is too long")
    try:
        certificate = x509.load_der_x509_certificate(der)
        return Certificate(
            names=frozenset(_names(certificate)),
            key_thumbprint=_thumbprint(certificate.public_key()),
            not_before=certificate.not_valid_before_utc.timestamp(),
            not_after=certificate.not_valid_after_utc.timestamp(),
        )
    except BadBag:
        raise
    except Exception:  # two libraries parse untrusted input here, and each raises many kinds of exceptions
        raise BadBag("not a certificate that can be read") from None


def canonical_name(kind: NameKind, text: str) -> tuple[NameKind, str]:
    """Return a registered name in its canonical form, in which names are compared exactly.

    Raises:
        BadBag: no certificate can have such a name.
    """
    try:
        if kind == "subject_dn":
            name = x509.Name.from_rfc4514_string(text, _ATTRIBUTES)
            if not name.rdns:
                raise BadBag("the name is empty")
            return kind, _distinguished(name)
        if kind == "san_ip":
            return kind, str(ip_address(text))
        if kind == "san_dns":
            return kind, x509.DNSName(text.lower()).value
        other = x509.UniformResourceIdentifier(text) if kind == "san_uri" else x509.RFC822Name(text)
        return kind, other.value
    except ValueError:
        raise BadBag("is not a name of its kind") from None


def _names(certificate: x509.Certificate) -> list[tuple[NameKind, str]]:
    names: list[tuple[NameKind, str]] = []
    if certificate.subject.rdns:
        names.append(("subject_dn", _distinguished(certificate.subject)))
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return names
    for name in san:
        if isinstance(name, x509.DNSName):
            names.append(("san_dns", name.value.lower()))
        elif isinstance(name, x509.UniformResourceIdentifier):
            names.append(("san_uri", name.value))
        elif isinstance(name, x509.IPAddress):
            names.append(("san_ip", str(name.value)))
        elif isinstance(name, x509.RFC822Name):
            names.append(("san_email", name.value))
    return names


def _distinguished(name: x509.Name) -> str:
    """Return a name in the form of RFC 4514, with attribute types as OIDs and the attributes of one level sorted."""
    levels = [
        x509.RelativeDistinguishedName(sorted(rdn, key=lambda attribute: attribute.oid.dotted_string))
        for rdn in name.rdns
    ]
    return x509.Name(levels).rfc4514_string()


def _thumbprint(key: Any) -> str:
    public = read_public_jwk(JWK.from_pyca(key).export_public(as_dict=True))  # type: ignore[no-untyped-call]
    if public is None:
        raise BadBag("the certificate's key is of an unused kind")
    return public.thumbprint
