"""deploy/nginx.conf with `optional_no_ca`: certificates of a CA and self-signed ones by one door, and told apart."""

import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.interop.test_nginx import GRANT, SUBJECT, Files, Proxy, claims, refused
from tests.worlds.certificates import certificate
from tests.worlds.client_proofs import EC_KEY, HEAD, JWKS, client_toml
from tests.worlds.gunicorn import Running

pytestmark = [pytest.mark.slow, pytest.mark.external("nginx")]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    directory = tmp_path_factory.mktemp("nginx")
    proxies = '\n[proxies]\ntrusted = ["127.0.0.1"]\ncertificate_header = "nginx"\n'
    proxies += f'authorities_file = "{directory}/clients-ca.crt"\n'
    clients = client_toml("pki", "tls_client_auth", tls_client_auth_subject_dn=SUBJECT)
    clients += client_toml("self", "self_signed_tls_client_auth", jwks=JWKS)
    satchel = Running(tmp_path_factory.mktemp("satchel"), HEAD + proxies + clients, workers=1)
    proxy = Proxy(directory, satchel)
    conf = proxy.conf.read_text()
    assert "ssl_verify_client optional;" in conf
    proxy.conf.write_text(conf.replace("ssl_verify_client optional;", "ssl_verify_client optional_no_ca;"))
    with satchel, proxy.running():
        yield proxy


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The certificate that `self` has made for its own key, in the name of `pki`."""
    directory, now = tmp_path_factory.mktemp("self"), time.time()
    file, key = directory / "self.crt", directory / "self.key"
    file.write_text(ssl.DER_cert_to_PEM_cert(certificate(EC_KEY, SUBJECT, start=now - 1000, end=now + 1000)))
    key.write_bytes(EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file, key


def who(proxy: Proxy, client: str, shown: tuple[Path, Path] | None) -> str:
    return str(claims(proxy.send({**GRANT, "client_id": client}, certificate=shown))["client_id"])


def test_each_kind_is_let_in(proxy: Proxy, self_signed: Files) -> None:
    assert who(proxy, "pki", proxy.client) == "pki"
    assert who(proxy, "self", self_signed) == "self"


def test_a_name_is_not_enough(proxy: Proxy, self_signed: Files) -> None:
    for shown in (self_signed, proxy.forged, None):
        assert refused(proxy.send({**GRANT, "client_id": "pki"}, certificate=shown))
    for shown in (proxy.client, proxy.forged, None):
        assert refused(proxy.send({**GRANT, "client_id": "self"}, certificate=shown))
