"""Reading certificates, and the one spelling of their names (RFC 5280, RFC 4514, RFC 8705 section 2.1.2)."""

import contextlib
import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.jwk import JWK

from service.bags.certificate import MAX_BYTES, NameKind, canonical_name, read_certificate
from service.bags.errors import BadBag
from tests.worlds.certificates import certificate
from tests.worlds.client_proofs import EC_KEY, ED_KEY, RSA_KEY
from tests.worlds.satchel import NOW


def test_all_its_names() -> None:
    der = certificate(
        subject="CN=a,O=b", dns="A.Example", uri="https://a.example/x", ip="192.0.2.1", email="A@example.com"
    )
    assert {kind: name for kind, name in read_certificate(der).names if kind != "subject_dn"} == {
        "san_dns": "a.example",
        "san_uri": "https://a.example/x",
        "san_ip": "192.0.2.1",
        "san_email": "A@example.com",
    }
    assert canonical_name("subject_dn", "CN=a,O=b") in read_certificate(der).names


@pytest.mark.parametrize("key", [EC_KEY, RSA_KEY, ED_KEY, ec.generate_private_key(ec.SECP521R1())])
def test_its_key_has_the_thumbprint_of_rfc7638(key: Any) -> None:
    read = read_certificate(certificate(key))
    assert read.key_thumbprint == JWK.from_pyca(key.public_key()).thumbprint()
    assert (read.not_before, read.not_after) == (NOW - 1000, NOW + 1000)


KEYS = [
    rsa.generate_private_key(65537, 1024),
    dsa.generate_private_key(2048),
    ed448.Ed448PrivateKey.generate(),
    ec.generate_private_key(ec.SECP256K1()),
    ec.generate_private_key(ec.SECP224R1()),
]


@pytest.mark.parametrize("key", KEYS)
def test_keys_that_are_weak_or_of_no_use_here(key: Any) -> None:
    with pytest.raises(BadBag):
        read_certificate(certificate(key))


GOOD = certificate(dns="a.example")


@pytest.mark.parametrize("der", [b"", b"0", GOOD[:-1], GOOD + b"\0", GOOD[1:], b"-----BEGIN CERTIFICATE-----"])
def test_junk(der: bytes) -> None:
    with pytest.raises(BadBag):
        read_certificate(der)


def test_size() -> None:
    with pytest.raises(BadBag) as caught:
        read_certificate(b"\0" * (MAX_BYTES + 1))
    assert caught.value.reason == "certificate is too long"


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_one_changed_byte_is_read_or_refused(at: int, change: int) -> None:
    der = bytearray(GOOD)
    der[at] ^= change
    with contextlib.suppress(BadBag):
        assert read_certificate(bytes(der)).key_thumbprint


def test_the_same_extension_twice() -> None:
    """Two readers could each believe another of the two."""
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    name = x509.Name.from_rfc4514_string("CN=a")
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(EC_KEY.public_key())
    builder = builder.serial_number(1).not_valid_before(moment).not_valid_after(moment)
    sans = [x509.SubjectAlternativeName([x509.DNSName(dns)]) for dns in ("a.example", "b.example")]
    builder._extensions = [x509.Extension(san.oid, False, san) for san in sans]
    der = builder.sign(EC_KEY, hashes.SHA256()).public_bytes(Encoding.DER)
    assert der.count(b".example") == 2
    with pytest.raises(BadBag):
        read_certificate(der)


SAME: list[tuple[NameKind, str, str]] = [
    ("subject_dn", "CN=a+OU=b,O=c", "OU=b+CN=a,O=c"),
    ("subject_dn", "CN=a,O=b", "2.5.4.3=a,2.5.4.10=b"),
    ("subject_dn", "emailAddress=a@b.example,CN=a", "1.2.840.113549.1.9.1=a@b.example,CN=a"),
    ("subject_dn", "serialNumber=7,SN=x,GN=y,title=z", "2.5.4.5=7,2.5.4.4=x,2.5.4.42=y,2.5.4.12=z"),
    ("subject_dn", "CN=a\\,b", "CN=a\\2cb"),
    ("subject_dn", "CN=é", "CN=\\c3\\a9"),
    ("san_dns", "A.example", "a.EXAMPLE"),
    ("san_ip", "2001:db8::1", "2001:0DB8:0:0::1"),
]


@pytest.mark.parametrize(("kind", "one", "other"), SAME)
def test_spellings_of_one_name(kind: NameKind, one: str, other: str) -> None:
    assert canonical_name(kind, one) == canonical_name(kind, other)


DIFFERENT: list[tuple[NameKind, str, str]] = [
    ("subject_dn", "CN=a,O=b", "O=b,CN=a"),
    ("subject_dn", "CN=a,O=b", "CN=a+O=b"),
    ("subject_dn", "CN=a", "CN=A"),
    ("subject_dn", "CN=a", "OU=a"),
    ("subject_dn", "CN=a\\,O\\=b", "CN=a,O=b"),
    ("subject_dn", "CN=a", "CN=a\\00"),
    ("san_uri", "https://a.example", "https://a.example/"),
    ("san_email", "a@b.example", "A@b.example"),
    ("san_ip", "::ffff:192.0.2.1", "192.0.2.1"),
]


@pytest.mark.parametrize(("kind", "one", "other"), DIFFERENT)
def test_different_names(kind: NameKind, one: str, other: str) -> None:
    assert canonical_name(kind, one) != canonical_name(kind, other)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("subject_dn", "a"),
        ("subject_dn", ""),
        ("subject_dn", "CN"),
        ("subject_dn", "XX=a"),
        ("subject_dn", "/CN=a/O=b"),
        ("san_ip", "a"),
        ("san_ip", "192.0.2.0/24"),
        ("san_dns", "é.example"),
        ("san_uri", "https://é.example"),
        ("san_email", "A Name <a@b.example>"),
    ],
)
def test_what_no_certificate_can_be_called(kind: NameKind, text: str) -> None:
    with pytest.raises(BadBag):
        canonical_name(kind, text)


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=16)


@given(st.lists(st.tuples(st.sampled_from([NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME]), text), min_size=1))
def test_a_name_as_the_library_writes_it_finds_its_certificate(parts: list[tuple[Any, str]]) -> None:
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(EC_KEY.public_key())
    builder = builder.serial_number(1).not_valid_before(moment).not_valid_after(moment)
    der = builder.sign(EC_KEY, hashes.SHA256()).public_bytes(Encoding.DER)
    try:
        registered = canonical_name("subject_dn", name.rfc4514_string())
    except BadBag:
        return
    assert registered in read_certificate(der).names
