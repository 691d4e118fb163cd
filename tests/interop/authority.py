"""A certificate authority of the tests (RFC 5280), and a directory of what it has issued."""

import datetime
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_HOUR = datetime.timedelta(hours=1)


class Authority:
    """Issues certificates into `directory`: NAME.crt and NAME.key; its own is NAME.crt too."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = x509.Name.from_rfc4514_string(f"CN={name}")
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = directory / f"{name}.crt"
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self._write(self.file, self._name, self._key, x509.BasicConstraints(ca=True, path_length=0), usage)

    def issue(self, name: str, subject: str = "", address: str = "") -> tuple[Path, Path]:
        """Return the files of a certificate and its key, for `subject` (RFC 4514) or an IPv4 address."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, secret = self._directory / f"{name}.crt", self._directory / f"{name}.key"
        names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(address))]) if address else None
        self._write(certificate, x509.Name.from_rfc4514_string(subject or f"CN={name}"), key, names)
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, secret

    def _write(
        self, file: Path, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType | None
    ) -> None:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _HOUR)
            .not_valid_after(now + _HOUR)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        for extension in extensions:
            if extension is not None:
                builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        file.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
