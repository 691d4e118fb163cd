"""An authority, one below it, and what they issue."""

import base64
import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from tests.worlds.client_proofs import EC_KEY
from tests.worlds.satchel import NOW

ROOT_KEY = ec.generate_private_key(ec.SECP256R1())
INTER_KEY = ec.generate_private_key(ec.SECP256R1())


def issue(
    subject: str,
    key: Any,
    issuer: x509.Certificate | None,
    signer: Any,
    *extensions: x509.ExtensionType,
    authority: bool | None = None,
    below: int | None = None,
    critical: bool = False,
    now: float = NOW,
) -> x509.Certificate:
    """A certificate for `key`, signed by `signer` in the name of `issuer` (None: its own), good around `now`.

    `authority`, None for silence, and `below`, how many authorities may follow, are its basic constraints.
    """
    name = x509.Name.from_rfc4514_string(subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime.fromtimestamp(now - 1000, datetime.UTC))
        .not_valid_after(datetime.datetime.fromtimestamp(now + 1000, datetime.UTC))
    )
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(authority, below), critical=True)
    for extension in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())


ROOT = issue("CN=root", ROOT_KEY, None, ROOT_KEY, authority=True)
INTER = issue("CN=inter", INTER_KEY, ROOT, ROOT_KEY, authority=True)


def der(certificate: x509.Certificate) -> bytes:
    """A certificate as DER."""
    return certificate.public_bytes(Encoding.DER)


def pem(certificate: x509.Certificate) -> str:
    """A certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM).decode()


def certificate(
    key: Any = EC_KEY,
    subject: str = "CN=service,O=Example,C=DE",
    *,
    dns: str = "",
    uri: str = "",
    ip: str = "",
    email: str = "",
    start: float = NOW - 1000,
    end: float = NOW + 1000,
    signer: Any = EC_KEY,
) -> bytes:
    """A certificate (DER)."""
    names: list[x509.GeneralName] = []
    names += [x509.DNSName(dns)] if dns else []
    names += [x509.UniformResourceIdentifier(uri)] if uri else []
    names += [x509.IPAddress(ip_address(ip))] if ip else []
    names += [x509.RFC822Name(email)] if email else []
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string(subject) if subject else x509.Name([]))
        .issuer_name(x509.Name.from_rfc4514_string("CN=somebody"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime.fromtimestamp(start, datetime.UTC))
        .not_valid_after(datetime.datetime.fromtimestamp(end, datetime.UTC))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)


def rfc9440(der: bytes) -> str:
    """The value of a Client-Cert header."""
    return f":{base64.b64encode(der).decode()}:"


def escaped_pem(der: bytes) -> str:
    """nginx's $ssl_client_escaped_cert."""
    return quote(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode(), safe="")
