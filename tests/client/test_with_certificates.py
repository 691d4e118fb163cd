"""tls_client_auth (RFC 8705): the certificate is that of the connection on which a token is asked for."""

import datetime
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from satchel_client.client_auth import TLSClientAuth
from satchel_client.errors import TokenUnavailable
from satchel_client.router.config import TLS
from satchel_client.token_source import TokenSource

from tests.client.authority import Authority


class Files(NamedTuple):
    """PEM files: one self-signed certificate serves both ends."""

    certificate: str
    key: str


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    directory: Path = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "both ends")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = Files(str(directory / "certificate.pem"), str(directory / "key.pem"))
    Path(made.certificate).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    Path(made.key).write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


@pytest.fixture
def authority(files: Files) -> Iterator[Authority]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.certificate)
    context.load_cert_chain(files.certificate, files.key)
    context.verify_mode = ssl.CERT_REQUIRED
    with Authority(context) as server:
        yield server


def test_a_client_with_its_certificate(authority: Authority, files: Files) -> None:
    context = TLS(files.certificate, files.certificate, files.key).context()
    tokens = TokenSource(TLSClientAuth("me"), issuer=authority.url, client=lambda: httpx.Client(verify=context))
    assert tokens.token().access_token == "t1"
    assert authority.tokens[0].form["client_id"] == "me"


@pytest.mark.parametrize("trusting", [True, False])
def test_without_certificate_or_without_trust_there_is_no_token(
    authority: Authority, files: Files, trusting: bool
) -> None:
    context = TLS(files.certificate if trusting else None).context()
    tokens = TokenSource(TLSClientAuth("me"), issuer=authority.url, client=lambda: httpx.Client(verify=context))
    with pytest.raises(TokenUnavailable, match="no answer"):
        tokens.token()
    assert authority.asked == []
