"""Paths from clients' certificates to the operator's authorities (RFC 5280 section 6)."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from service.bags.authorities import MAX_PATH, Authorities
from service.bags.errors import BadBag
from tests.worlds.certificates import INTER, INTER_KEY, ROOT, ROOT_KEY, der, issue, pem
from tests.worlds.client_proofs import EC_KEY, ED_KEY, OTHER_KEY, RSA_KEY
from tests.worlds.satchel import NOW

LEAF = issue("CN=service", EC_KEY, INTER, INTER_KEY)
ROOTS = Authorities(pem(ROOT))
USAGES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}
FOR_CLIENTS, FOR_SERVERS = (x509.ExtendedKeyUsage([USAGES[name]]) for name in ("client", "server"))
SIGNS_DATA = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
WITHIN = x509.NameConstraints([x509.DNSName("example.com")], None)
CONSTRAINED = issue("CN=inter", INTER_KEY, ROOT, ROOT_KEY, WITHIN, authority=True)


def dns(name: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(name)])


def leads(leaf: x509.Certificate, *path: x509.Certificate, roots: Authorities = ROOTS, at: float = NOW) -> bool:
    try:
        roots.check(der(leaf), [der(each) for each in path], at)
    except BadBag as fault:
        if fault.reason != "no authority stands behind the certificate":
            raise
        return False
    return True


GOOD: dict[str, Callable[[], bool]] = {
    "by way of one": lambda: leads(LEAF, INTER),
    "the path repeats both ends": lambda: leads(LEAF, LEAF, INTER, ROOT),
    "an authority of its own right": lambda: leads(LEAF, roots=Authorities(pem(INTER))),
    "one of several": lambda: leads(LEAF, roots=Authorities(pem(ROOT) + pem(INTER))),
    "for clients": lambda: leads(issue("CN=service", EC_KEY, INTER, INTER_KEY, FOR_CLIENTS), INTER),
    "an RSA key": lambda: leads(issue("CN=service", RSA_KEY, INTER, INTER_KEY), INTER),
    "within the names": lambda: leads(issue("CN=service", EC_KEY, INTER, INTER_KEY, dns("a.example.com")), CONSTRAINED),
    "a name that is a URI": lambda: leads(
        issue(
            "CN=service",
            EC_KEY,
            INTER,
            INTER_KEY,
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://a/b")]),
        ),
        INTER,
    ),
}
BAD: dict[str, Callable[[], bool]] = {
    "nothing between": lambda: leads(LEAF),
    "too late": lambda: leads(LEAF, INTER, at=NOW + 2000),
    "too early": lambda: leads(LEAF, INTER, at=NOW - 2000),
    "self-signed": lambda: leads(issue("CN=service", EC_KEY, None, EC_KEY), INTER),
    "signed by another": lambda: leads(issue("CN=service", EC_KEY, INTER, OTHER_KEY), INTER),
    "the path brings its own root": lambda: leads(
        issue("CN=service", EC_KEY, ROOT, OTHER_KEY), issue("CN=root", OTHER_KEY, None, OTHER_KEY, authority=True)
    ),
    "a client that plays authority": lambda: leads(issue("CN=x", OTHER_KEY, LEAF, EC_KEY), LEAF, INTER),
    "no authority in between": lambda: leads(LEAF, issue("CN=inter", INTER_KEY, ROOT, ROOT_KEY, authority=False)),
    "an authority for other things": lambda: leads(
        LEAF, issue("CN=inter", INTER_KEY, ROOT, ROOT_KEY, SIGNS_DATA, authority=True)
    ),
    "an authority of servers": lambda: leads(
        LEAF, issue("CN=inter", INTER_KEY, ROOT, ROOT_KEY, FOR_SERVERS, authority=True)
    ),
    "for servers": lambda: leads(issue("CN=service", EC_KEY, INTER, INTER_KEY, FOR_SERVERS), INTER),
    "a longer path than the root allows": lambda: leads(
        LEAF, INTER, roots=Authorities(pem(issue("CN=root", ROOT_KEY, None, ROOT_KEY, authority=True, below=0)))
    ),
    "beyond the names": lambda: leads(issue("CN=service", EC_KEY, INTER, INTER_KEY, dns("evil.example")), CONSTRAINED),
    "critical, and not known": lambda: leads(
        issue(
            "CN=service",
            EC_KEY,
            INTER,
            INTER_KEY,
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
            critical=True,
        ),
        INTER,
    ),
    "a signature of Ed25519": lambda: leads(
        issue("CN=service", EC_KEY, issue("CN=ed", ED_KEY, None, ED_KEY, authority=True), ED_KEY),
        roots=Authorities(pem(issue("CN=ed", ED_KEY, None, ED_KEY, authority=True))),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_path(name: str) -> None:
    assert GOOD[name]()


@pytest.mark.parametrize("name", BAD)
def test_no_path(name: str) -> None:
    assert not BAD[name]()


def test_the_length_of_a_path_is_bounded() -> None:
    ROOTS.check(der(LEAF), [der(INTER)] * MAX_PATH, NOW)
    with pytest.raises(BadBag) as caught:
        ROOTS.check(der(LEAF), [der(INTER)] * (MAX_PATH + 1), NOW)
    assert caught.value.reason == "certificate path is too long"


def test_a_tangle_of_authorities_has_an_end() -> None:
    """Many authorities of one name and many keys must not make for a search without an end."""
    tangle = [der(issue("CN=inter", OTHER_KEY, INTER, INTER_KEY, authority=True)) for _ in range(MAX_PATH)]
    with pytest.raises(BadBag):
        ROOTS.check(der(issue("CN=service", EC_KEY, INTER, ED_KEY)), tangle, NOW)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x", "is not PEM certificates"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is not PEM certificates"),
        (pem(LEAF), "has a certificate that is not an authority's"),
        (pem(ROOT) + pem(LEAF), "has a certificate that is not an authority's"),
    ],
)
def test_what_is_no_authority(text: str, reason: str) -> None:
    with pytest.raises(BadBag) as caught:
        Authorities(text)
    assert caught.value.reason == reason


@given(st.integers(0, 400), st.integers(1, 255), st.binary(max_size=40))
def test_garbage_is_refused(place: int, change: int, junk: bytes) -> None:
    whole: Any = bytearray(der(LEAF))
    whole[place % len(whole)] ^= change
    for leaf, path in ((bytes(whole), [der(INTER)]), (junk, [der(INTER)]), (der(LEAF), [junk])):
        with pytest.raises(BadBag):
            ROOTS.check(leaf, path, NOW)
