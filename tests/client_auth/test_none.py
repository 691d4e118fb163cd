"""none (RFC 6749 section 2.1): public clients, and nobody else, say who they are and no more."""

import pytest

from tests.worlds.certificates import certificate, rfc9440
from tests.worlds.client_proofs import HEAD, HMAC_SECRET, JWKS, client_toml
from tests.worlds.http import Answer, basic
from tests.worlds.satchel import Satchel

DIGEST = "0" * 64
PROXIES = '\n[proxies]\ntrusted = ["127.0.0.1"]\ncertificate_header = "rfc9440"\n'
TOML = (
    HEAD
    + PROXIES
    + client_toml(
        "spa", "none", grants=["authorization_code"], redirect_uris=["https://spa.example.com/"], scopes=["read"]
    )
    + client_toml("basic", "client_secret_basic", secrets=[{"sha256": DIGEST}])
    + client_toml("post", "client_secret_post", secrets=[{"sha256": DIGEST}])
    + client_toml("mac", "client_secret_jwt", hmac_secret=HMAC_SECRET)
    + client_toml("signer", "private_key_jwt", jwks=JWKS)
    + client_toml("tls", "tls_client_auth", tls_client_auth_san_dns="a.example")
    + client_toml("self", "self_signed_tls_client_auth", jwks=JWKS)
)


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("none"), TOML)


def code_request(satchel: Satchel, header: dict[str, str] | None = None, **form: str) -> Answer:
    return satchel.post("/token", {"grant_type": "authorization_code", "code": "x", **form}, header)


def test_a_public_client_says_who_it_is(satchel: Satchel) -> None:
    assert code_request(satchel, client_id="spa").json()["error"] == "invalid_grant"  # the code, not the client
    assert (satchel.log[-1]["client_id"], satchel.log[-1]["auth_method"]) == ("spa", "none")


@pytest.mark.parametrize("client_id", ["basic", "post", "mac", "signer", "tls", "self"])
def test_nobody_else_can_only_say_so(satchel: Satchel, client_id: str) -> None:
    answer = code_request(satchel, client_id=client_id)
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")
    assert satchel.log[-1]["reason"] == "none is not registered"
    assert answer == code_request(satchel, client_id="nobody")
    assert satchel.log[-1]["reason"] == "unknown client"


def test_nobody_at_all(satchel: Satchel) -> None:
    assert code_request(satchel).status == 401
    assert satchel.log[-1]["reason"] == "client authentication is missing"


PROOFS: list[tuple[dict[str, str], dict[str, str]]] = [
    (basic("spa", ""), {}),
    (basic("spa", "x"), {"client_id": "spa"}),
    ({"Authorization": "Bearer x"}, {"client_id": "spa"}),
    ({}, {"client_id": "spa", "client_secret": "x"}),
    ({}, {"client_id": "spa", "client_assertion": "x"}),
    ({}, {"client_id": "spa", "client_assertion_type": "x"}),
]


@pytest.mark.parametrize(("header", "form"), PROOFS)
def test_what_a_public_client_cannot_have_is_refused(
    satchel: Satchel, header: dict[str, str], form: dict[str, str]
) -> None:
    assert code_request(satchel, header, **form).status == 401


def test_it_cannot_have_tokens_of_its_own(satchel: Satchel) -> None:
    answer = satchel.post("/token", {"grant_type": "client_credentials", "client_id": "spa"})
    assert (answer.status, answer.json()["error"]) == (400, "unauthorized_client")


CERTIFICATE = {"Client-Cert": rfc9440(certificate())}


def test_a_certificate_beside_it_is_there_to_bind_tokens(satchel: Satchel) -> None:
    """RFC 8705 section 4."""
    assert code_request(satchel, CERTIFICATE, client_id="spa").json()["error"] == "invalid_grant"
    assert satchel.log[-1]["auth_method"] == "none"


@pytest.mark.parametrize("client_id", ["basic", "post", "mac", "signer"])
def test_a_certificate_proves_nobody_who_has_not_registered_it(satchel: Satchel, client_id: str) -> None:
    assert code_request(satchel, CERTIFICATE, client_id=client_id).status == 401
    assert satchel.log[-1]["reason"] == "none is not registered"


def test_a_client_of_certificates_is_judged_by_its_certificate(satchel: Satchel) -> None:
    assert code_request(satchel, CERTIFICATE, client_id="tls").status == 401
    assert satchel.log[-1]["reason"] == "the certificate does not have the registered name"
