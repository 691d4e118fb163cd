"""tls_client_auth and self_signed_tls_client_auth (RFC 8705 section 2)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.x509 import Certificate

from service.bags.foreign_keys import KeySet, import_jwks
from service.client_auth import Credentials
from service.config import ConfigError
from service.config.check_client_auth import client_auth_warnings
from service.protocol.form import parse
from service.protocol.ports import KeysUnavailable
from service.web.remote_keys import HttpRemoteKeys
from tests.worlds.certificates import INTER, INTER_KEY, ROOT, ROOT_KEY, certificate, der, issue, pem, rfc9440
from tests.worlds.client_proofs import (
    EC_KEY,
    ED_KEY,
    HEAD,
    JWKS,
    OTHER_KEY,
    RSA_KEY,
    assertion,
    client_toml,
    form,
    public_jwk,
)
from tests.worlds.http import Answer, basic
from tests.worlds.satchel import NOW, Satchel

DN = "CN=service,O=Example,C=DE"
PROXIES = '\n[proxies]\ntrusted = ["127.0.0.1"]\ncertificate_header = "rfc9440"\n'
NAMES = {
    "dn": {"tls_client_auth_subject_dn": DN},
    "dns": {"tls_client_auth_san_dns": "Service.Example.com"},
    "uri": {"tls_client_auth_san_uri": "spiffe://example.com/service"},
    "ip": {"tls_client_auth_san_ip": "2001:DB8:0::1"},
    "email": {"tls_client_auth_san_email": "service@example.com"},
}
JWKS_URI = "https://client.example.com/jwks"
TOML = (
    HEAD
    + PROXIES
    + "".join(client_toml(name, "tls_client_auth", **settings) for name, settings in NAMES.items())
    + client_toml("self", "self_signed_tls_client_auth", jwks=JWKS)
    + client_toml("remote", "self_signed_tls_client_auth", jwks_uri=JWKS_URI)
    + client_toml("either", "private_key_jwt", "tls_client_auth", jwks=JWKS, **NAMES["dns"])
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("tls"), TOML)


@pytest.fixture
def satchel(served: Satchel) -> Satchel:
    served.now = float(NOW)
    served.lines.clear()
    return served


def ask(satchel: Satchel, der: bytes | None, header: dict[str, str] | None = None, **more: str) -> Answer:
    shown = {} if der is None else {"Client-Cert": rfc9440(der)}
    return satchel.post("/token", {"grant_type": "client_credentials", **more}, {**shown, **(header or {})})


def accepted(satchel: Satchel, der: bytes, client_id: str) -> str:
    assert ask(satchel, der, client_id=client_id).status == 200, satchel.log[-1]
    assert satchel.log[-1]["client_id"] == client_id
    return str(satchel.log[-1]["auth_method"])


def refused(satchel: Satchel, der: bytes | None, client_id: str) -> str:
    """The log's reason for a refusal that looks like that of nobody."""
    answer = ask(satchel, der, client_id=client_id)
    reason = str(satchel.log[-1]["reason"])
    assert answer.status == 401
    assert answer == ask(satchel, der, client_id="nobody")
    return reason


CERTIFICATES: dict[str, dict[str, Any]] = {
    "dn": {"subject": DN},
    "dns": {"dns": "service.example.com"},
    "uri": {"uri": "spiffe://example.com/service"},
    "ip": {"ip": "2001:db8::1"},
    "email": {"email": "service@example.com"},
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", CERTIFICATES)
def test_a_certificate_is_known_by_the_registered_name_alone(satchel: Satchel, name: str, other: str) -> None:
    der = certificate(**{"subject": "CN=x", **CERTIFICATES[other]})
    if name == other:
        assert accepted(satchel, der, name) == "tls_client_auth"
    else:
        assert refused(satchel, der, name) == "the certificate does not have the registered name"


ALMOST: list[tuple[str, dict[str, Any]]] = [
    ("dn", {"subject": "CN=Service,O=Example,C=DE"}),
    ("dn", {"subject": "C=DE,O=Example,CN=service"}),
    ("dn", {"subject": "CN=service,O=Example"}),
    ("dn", {"subject": "CN=x,CN=service,O=Example,C=DE"}),
    ("dn", {"subject": "CN=service\\,O=Example,C=DE"}),
    ("dn", {"subject": "", "dns": "service"}),
    ("dns", {"dns": "*.example.com"}),
    ("dns", {"dns": "x.service.example.com"}),
    ("dns", {"dns": "service.example.com."}),
    ("dns", {"subject": "CN=service.example.com"}),
    ("uri", {"uri": "spiffe://example.com/service/"}),
    ("uri", {"uri": "spiffe://example.com/Service"}),
    ("ip", {"ip": "2001:db8::2"}),
    ("ip", {"dns": "2001:db8::1"}),
    ("email", {"email": "Service@example.com"}),
]


@pytest.mark.parametrize(("name", "almost"), ALMOST)
def test_almost_the_name(satchel: Satchel, name: str, almost: dict[str, Any]) -> None:
    assert (
        refused(satchel, certificate(**{"subject": "CN=x", **almost}), name)
        == "the certificate does not have the registered name"
    )


@pytest.mark.parametrize("client_id", ["dns", "self"])
def test_a_certificate_has_its_time(satchel: Satchel, client_id: str) -> None:
    der = certificate(dns="service.example.com", start=NOW + 100, end=NOW + 300)
    for now in (NOW + 40, NOW + 200, NOW + 359.9):
        satchel.now = now
        accepted(satchel, der, client_id)
    for now in (NOW + 39.9, NOW + 360):
        satchel.now = now
        assert refused(satchel, der, client_id) == "the certificate has expired or is not valid yet"


@pytest.mark.parametrize("client_id", ["dns", "self"])
@pytest.mark.parametrize(
    "der", [b"x", b"0" * 100, certificate()[:-1], certificate() + b"\0", b"\x30\x82" + b"\0" * 8000]
)
def test_junk(satchel: Satchel, client_id: str, der: bytes) -> None:
    assert "certificate" in refused(satchel, der, client_id)


@pytest.mark.parametrize("client_id", [*NAMES, "self", "remote"])
def test_no_certificate(satchel: Satchel, client_id: str) -> None:
    assert refused(satchel, None, client_id) == "none is not registered"


@pytest.mark.parametrize("key", [RSA_KEY, ED_KEY])
def test_self_signed_any_registered_key(satchel: Satchel, key: Any) -> None:
    """Whoever signed the certificate: the key is what is registered."""
    assert accepted(satchel, certificate(key), "self") == "self_signed_tls_client_auth"


def test_self_signed_another_key(satchel: Satchel) -> None:
    assert refused(satchel, certificate(OTHER_KEY), "self") == "the certificate's key is not registered"


class Fetched:
    """Stands where keys are fetched from; each of `answers` is for one fetch."""

    def __init__(self, *answers: KeySet | None) -> None:
        self.answers = list(answers)
        self.asked: list[str | None] = []

    async def __call__(self, uri: str, kid: str | None) -> KeySet:
        assert uri == JWKS_URI
        self.asked.append(kid)
        answer = self.answers.pop(0)
        if answer is None:
            raise KeysUnavailable("away")
        return answer


KEYS = import_jwks(JWKS)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Fetched]:
    def fetch(*answers: KeySet | None) -> Fetched:
        made = Fetched(*answers)
        monkeypatch.setattr(HttpRemoteKeys, "keys", lambda self, uri, kid: made(uri, kid))
        return made

    return fetch


def test_self_signed_with_keys_elsewhere(satchel: Satchel, fetched: Callable[..., Fetched]) -> None:
    port = fetched(KEYS)
    assert accepted(satchel, certificate(), "remote") == "self_signed_tls_client_auth"
    assert port.asked == [None]


def test_a_new_key_elsewhere_is_asked_for(satchel: Satchel, fetched: Callable[..., Fetched]) -> None:
    jwk = public_jwk(OTHER_KEY)
    port = fetched(KEYS, import_jwks({"keys": [jwk]}))
    accepted(satchel, certificate(OTHER_KEY), "remote")
    assert port.asked[0] is None
    assert port.asked[1]
    fetched(KEYS, KEYS)
    assert ask(satchel, certificate(OTHER_KEY), client_id="remote").status == 401


def test_keys_elsewhere_that_cannot_be_had(satchel: Satchel, fetched: Callable[..., Fetched]) -> None:
    fetched(None)
    answer = ask(satchel, certificate(), client_id="remote")
    assert (answer.status, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"]


def test_a_certificate_beside_another_mechanism_is_no_second_one(satchel: Satchel) -> None:
    der = certificate(dns="service.example.com")
    shown = {"Client-Cert": rfc9440(der)}
    assert satchel.post("/token", form(assertion("either")), shown).status == 200
    assert satchel.log[-1]["auth_method"] == "private_key_jwt"
    assert accepted(satchel, der, "either") == "tls_client_auth"


@pytest.mark.parametrize("name", ["dns", "self"])
def test_another_mechanism_is_not_registered(satchel: Satchel, name: str) -> None:
    der = certificate(dns="service.example.com")
    assert ask(satchel, der, basic(name, "x")).status == 401
    assert ask(satchel, der, client_id=name, client_secret="x").status == 401
    assert satchel.post("/token", form(assertion(name)), {"Client-Cert": rfc9440(der)}).status == 401
    assert satchel.log[-1]["reason"] == "private_key_jwt is not registered"


def test_a_certificate_without_a_client_id(satchel: Satchel) -> None:
    """RFC 8705 section 2: the client_id is required."""
    assert ask(satchel, certificate(dns="service.example.com")).status == 401


@pytest.mark.parametrize(
    ("client", "problem"),
    [
        (client_toml("c", "tls_client_auth"), "clients[0].auth_methods: tls_client_auth needs exactly one"),
        (
            client_toml("c", "tls_client_auth", **NAMES["dns"], **NAMES["ip"]),
            "clients[0].auth_methods: tls_client_auth needs exactly one",
        ),
        (
            client_toml("c", "self_signed_tls_client_auth"),
            "clients[0].jwks: auth_methods needs the client's public keys",
        ),
        (
            client_toml("c", "self_signed_tls_client_auth", "tls_client_auth", jwks=JWKS, **NAMES["dns"]),
            "clients[0].auth_methods: tls_client_auth and self_signed_tls_client_auth exclude",
        ),
        (
            client_toml("c", "tls_client_auth", tls_client_auth_subject_dn="service"),
            "clients[0].tls_client_auth_subject_dn: is not a name of its kind",
        ),
        (
            client_toml("c", "tls_client_auth", tls_client_auth_san_ip="1.2.3.4/8"),
            "clients[0].tls_client_auth_san_ip: is not a name of its kind",
        ),
        (client_toml("c", "private_key_jwt", jwks={"keys": [{"kty": "EC"}]}), "clients[0].jwks: a key lacks"),
        (client_toml("c", "private_key_jwt", jwks={"keys": []}), "clients[0].jwks: has no key"),
        (
            client_toml("c", "private_key_jwt", jwks_uri="http://client.example.com/jwks"),
            "clients[0].jwks_uri: must be an https URL",
        ),
    ],
)
def test_problems_are_named_by_their_path(make_satchel: Callable[[str], Satchel], client: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_satchel(HEAD + PROXIES + client)
    assert problem in str(caught.value)


def test_both_kinds_of_certificates_at_once_are_worth_a_warning(satchel: Satchel) -> None:
    """Nothing in the header tells a certificate that a CA vouches for from one that anybody made."""
    assert [path for path, _ in client_auth_warnings(satchel.config)] == ["proxies.certificate_header"]
    clients = tuple(client for client in satchel.config.clients if client.id not in ("self", "remote"))
    assert list(client_auth_warnings(msgspec.structs.replace(satchel.config, clients=clients))) == []


TRUSTING = f"\n[proxies]\ntrusted = ['127.0.0.1']\ncertificate_header = 'rfc9440'\nauthorities = '''\n{pem(ROOT)}'''\n"


def issued(issuer: Certificate = ROOT, key: Any = ROOT_KEY) -> bytes:
    return der(issue(DN, EC_KEY, issuer, key))


def test_an_authority_must_stand_behind_the_certificate(make_satchel: Callable[[str], Satchel]) -> None:
    clients = client_toml("dn", "tls_client_auth", **NAMES["dn"]) + client_toml(
        "self", "self_signed_tls_client_auth", jwks=JWKS
    )
    satchel = make_satchel(HEAD + TRUSTING + clients)
    assert accepted(satchel, issued(), "dn") == "tls_client_auth"
    for shown in (certificate(subject=DN), issued(INTER, INTER_KEY), issued(ROOT, OTHER_KEY)):
        assert refused(satchel, shown, "dn") == "no authority stands behind the certificate"
    assert accepted(satchel, certificate(subject=DN), "self") == "self_signed_tls_client_auth"
    assert list(client_auth_warnings(satchel.config)) == []


def test_the_authority_is_asked_when_the_certificate_is_good(make_satchel: Callable[[str], Satchel]) -> None:
    """Clocks may differ by `keys.skew`, for the path as for the certificate."""
    satchel = make_satchel(HEAD + TRUSTING + client_toml("dn", "tls_client_auth", **NAMES["dn"]))
    for now in (NOW + 1000, NOW + 1030):
        satchel.now = float(now)
        assert accepted(satchel, issued(), "dn") == "tls_client_auth"
    satchel.now = NOW + 1100.0
    assert refused(satchel, issued(), "dn") == "the certificate has expired or is not valid yet"


def test_authorities_come_from_a_file_too(make_satchel: Callable[[str], Satchel], tmp_path: Path) -> None:
    client = client_toml("dn", "tls_client_auth", **NAMES["dn"])
    file = tmp_path / "ca.pem"
    trusting = TRUSTING.partition("authorities")[0] + f'authorities_file = "{file}"\n'
    file.write_text(pem(INTER) + pem(ROOT))
    satchel = make_satchel(HEAD + trusting + client)
    assert accepted(satchel, issued(INTER, INTER_KEY), "dn") == "tls_client_auth"
    assert accepted(satchel, issued(), "dn") == "tls_client_auth"
    for text, problem in (
        ("", "proxies.authorities_file: the file is empty"),
        ("x", "proxies.authorities: is not PEM certificates"),
        ("\N{EURO SIGN}", "proxies.authorities_file: cannot be read"),
        (pem(issue(DN, EC_KEY, ROOT, ROOT_KEY)), "proxies.authorities: has a certificate that is not an authority's"),
    ):
        file.write_text(text)
        with pytest.raises(ConfigError, match=problem):
            make_satchel(HEAD + trusting + client)
    with pytest.raises(ConfigError, match=r"proxies\.authorities: excludes authorities_file"):
        make_satchel(HEAD + TRUSTING + f'authorities_file = "{file}"\n' + client)
    file.unlink()
    with pytest.raises(ConfigError, match=r"proxies\.authorities_file: cannot be read"):
        make_satchel(HEAD + trusting + client)


def test_nothing_secret_is_shown(satchel: Satchel) -> None:
    assert repr(Credentials("Basic secret", parse(b"client_secret=secret"))) == "Credentials()"


def test_without_a_header_there_are_no_certificates(make_satchel: Callable[[str], Satchel]) -> None:
    client = client_toml("c", "tls_client_auth", **NAMES["dns"])
    with pytest.raises(
        ConfigError, match=r"clients\[0\]\.auth_methods: needs a client certificate: set proxies\.certificate_header"
    ):
        make_satchel(HEAD + client)
    with pytest.raises(ConfigError, match=r"proxies\.trusted: must list"):
        make_satchel(HEAD + '\n[proxies]\ncertificate_header = "nginx"\n' + client)
