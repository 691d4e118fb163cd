"""An authority, one below it, and what they issue."""

import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from tests.satchel import NOW

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
