"""RFC 8705: OAuth 2.0 Mutual-TLS Client Authentication and Certificate-Bound Access Tokens."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.worlds.certificates import certificate, escaped_pem, rfc9440
from tests.worlds.client_proofs import ED_KEY, HEAD, JWKS, OTHER_KEY, client_toml
from tests.worlds.http import Answer, basic
from tests.worlds.satchel import Satchel

SECRETS = [{"sha256": sha256(b"s").hexdigest()}]
CLIENTS = (
    client_toml("pki", "tls_client_auth", tls_client_auth_subject_dn="CN=service,O=Example,C=DE")
    + client_toml("self", "self_signed_tls_client_auth", jwks=JWKS)
    + client_toml(
        "bound",
        "tls_client_auth",
        tls_client_auth_san_dns="bound.example",
        tls_client_certificate_bound_access_tokens=True,
    )
    + client_toml("secret", "client_secret_basic", secrets=SECRETS, tls_client_certificate_bound_access_tokens=True)
    + client_toml("api", "client_secret_basic", secrets=SECRETS, serves=["https://api.example.com"])
)


def proxies(form: str) -> str:
    return f'\n[proxies]\ntrusted = ["127.0.0.0/8"]\ncertificate_header = "{form}"\n'


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("rfc8705"), HEAD + proxies("rfc9440") + CLIENTS)


DER = certificate(dns="bound.example")


def ask(satchel: Satchel, der: bytes | None = DER, header: dict[str, str] | None = None, **more: str) -> Answer:
    shown = {} if der is None else {"Client-Cert": rfc9440(der)}
    return satchel.post("/token", {"grant_type": "client_credentials", **more}, {**shown, **(header or {})})


def confirmation(token: str) -> Any:
    return jwt.decode(token, options={"verify_signature": False}).get("cnf")


def test_section_2_the_client_id_is_needed(satchel: Satchel) -> None:
    assert ask(satchel, client_id="pki").status == 200
    assert ask(satchel).json()["error"] == "invalid_client"


def test_section_2_1_the_subject_is_the_expected_one(satchel: Satchel) -> None:
    assert ask(satchel, certificate(), client_id="pki").status == 200
    assert ask(satchel, certificate(subject="CN=other,O=Example,C=DE"), client_id="pki").status == 401


def test_section_2_1_1_and_2_2_1_and_3_3_metadata(satchel: Satchel, make_satchel: Any) -> None:
    document = satchel.get("/.well-known/oauth-authorization-server").json()
    methods = set(document["token_endpoint_auth_methods_supported"])
    assert {"tls_client_auth", "self_signed_tls_client_auth"} <= methods
    assert document["tls_client_certificate_bound_access_tokens"] is True
    without = make_satchel(HEAD).get("/.well-known/oauth-authorization-server").json()
    assert not {"tls_client_auth", "self_signed_tls_client_auth"} & set(
        without["token_endpoint_auth_methods_supported"]
    )
    assert without["tls_client_certificate_bound_access_tokens"] is False


def test_section_2_2_the_self_signed_certificate_is_a_registered_one(satchel: Satchel) -> None:
    assert ask(satchel, certificate(ED_KEY), client_id="self").status == 200
    assert ask(satchel, certificate(OTHER_KEY), client_id="self").status == 401


def test_section_3_1_the_token_names_the_certificate(satchel: Satchel) -> None:
    """The thumbprint is that of cryptography, over the whole certificate."""
    answer = ask(satchel, client_id="bound")
    fingerprint = x509.load_der_x509_certificate(DER).fingerprint(hashes.SHA256())
    expected = {"x5t#S256": urlsafe_b64encode(fingerprint).rstrip(b"=").decode()}
    assert confirmation(answer.json()["access_token"]) == expected
    assert answer.json()["token_type"] == "Bearer"


def test_section_3_2_introspection_shows_it(satchel: Satchel) -> None:
    token = ask(satchel, client_id="bound").json()["access_token"]
    seen = satchel.introspect(token, basic("api", "s")).json()
    assert seen["cnf"] == confirmation(token)


def test_section_3_another_certificate_is_another_binding(satchel: Satchel) -> None:
    other = certificate(OTHER_KEY, dns="bound.example")
    one, two = (ask(satchel, der, client_id="bound").json()["access_token"] for der in (DER, other))
    assert confirmation(one) != confirmation(two)


def test_section_3_a_client_without_the_setting_gets_no_bound_token(satchel: Satchel) -> None:
    assert confirmation(ask(satchel, client_id="pki").json()["access_token"]) is None


def test_section_3_4_whoever_must_be_bound_must_show_a_certificate(satchel: Satchel) -> None:
    """Whichever method proves the client."""
    assert confirmation(ask(satchel, DER, basic("secret", "s")).json()["access_token"])
    answer = ask(satchel, None, basic("secret", "s"))
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("form", "name", "value"),
    [
        ("rfc9440", "Client-Cert", rfc9440(DER)),
        ("nginx", "X-SSL-Client-Cert", escaped_pem(DER)),
        ("envoy", "X-Forwarded-Client-Cert", f'Hash=0;Cert="{escaped_pem(DER)}"'),
    ],
)
def test_section_6_5_a_proxy_passes_the_certificate_on(make_satchel: Any, form: str, name: str, value: str) -> None:
    satchel = make_satchel(HEAD + proxies(form) + CLIENTS)
    request = {"grant_type": "client_credentials", "client_id": "bound"}
    token = satchel.post("/token", request, {name: value}).json()["access_token"]
    assert confirmation(token) == {"x5t#S256": urlsafe_b64encode(sha256(DER).digest()).rstrip(b"=").decode()}
    assert satchel.post("/token", request, {name: value}, client="192.0.2.1").status == 401
