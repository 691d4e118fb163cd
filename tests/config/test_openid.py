"""What `make check` says of OpenID Connect in a configuration."""

import json
from pathlib import Path

import pytest
from jwcrypto.jwk import JWK

from service.app import load
from service.config import ConfigError
from tests.worlds.openid import RECIPIENTS, toml

SALT = f'pairwise_salt = "{"s" * 32}"'
TEXT = """
issuer = "https://as.example.com"
default_resource = "https://api.example.com"
[openid]
enabled = true
{openid}
[[resources]]
identifier = "https://api.example.com"
[[clients]]
id = "app"
auth_methods = ["none"]
grants = ["authorization_code"]
redirect_uris = {uris}
{client}
"""
ONE = '["https://app.example.com/a", "https://app.example.com/b"]'
TWO = '["https://app.example.com/a", "https://other.example.com/b"]'


def problems(tmp_path: Path, client: str = "", openid: str = "", uris: str = ONE, text: str = TEXT) -> list[str]:
    file = tmp_path / "satchel.toml"
    file.write_text(text.format(client=client, openid=openid, uris=uris))
    try:
        load(file, {})
    except ConfigError as refusal:
        return [problem.path for problem in refusal.problems]
    return []


def jwks(*keys: JWK) -> str:
    listed = [key.export_public(as_dict=True) for key in keys]
    tables = ", ".join(
        "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in key.items()) + " }" for key in listed
    )
    return f"jwks = {{ keys = [{tables}] }}\nid_token_encrypted_response = true"


def test_the_tests_own_is_sound(tmp_path: Path) -> None:
    file = tmp_path / "satchel.toml"
    file.write_text(toml())
    assert load(file, {}).keys.signing_algs[-1] == "RS256"


P384 = JWK.generate(kty="EC", crv="P-384", kid="p384", use="enc")
SIGNING = JWK.generate(kty="EC", crv="P-256", kid="sig", use="sig")


@pytest.mark.parametrize(
    ("client", "openid", "uris"),
    [
        ("", "", ONE),
        ('subject_type = "pairwise"', SALT, ONE),
        ('subject_type = "pairwise"\nsector_identifier = "example.com"', SALT, TWO),
        ('backchannel_logout_uri = "https://app.example.com/out"', "", ONE),
        ('post_logout_redirect_uris = ["https://app.example.com/bye", "com.example.app:/bye"]', "", ONE),
        ('userinfo_signed_response_alg = "RS256"\nid_token_signed_response_alg = "ES256"', "", ONE),
        (jwks(RECIPIENTS["rsa"]), "", ONE),
        (jwks(SIGNING, P384, RECIPIENTS["p256"]), "", ONE),
    ],
)
def test_what_is_right(tmp_path: Path, client: str, openid: str, uris: str) -> None:
    assert problems(tmp_path, client, openid, uris) == []


@pytest.mark.parametrize(
    ("client", "openid", "uris", "path"),
    [
        ("", 'pairwise_salt = "short"', ONE, "openid.pairwise_salt"),
        ('subject_type = "pairwise"', "", ONE, "clients[0].subject_type"),
        ('subject_type = "pairwise"', SALT, TWO, "clients[0].sector_identifier"),
        ('subject_type = "pairwise"', SALT, '["com.example.app:/cb"]', "clients[0].sector_identifier"),
        ('backchannel_logout_uri = "http://app.example.com/out"', "", ONE, "clients[0].backchannel_logout_uri"),
        ('backchannel_logout_uri = "http://127.0.0.1/out"', "", ONE, "clients[0].backchannel_logout_uri"),
        ('post_logout_redirect_uris = ["javascript:x"]', "", ONE, "clients[0].post_logout_redirect_uris[0]"),
        ('post_logout_redirect_uris = ["http://a.example"]', "", ONE, "clients[0].post_logout_redirect_uris[0]"),
        ('id_token_signed_response_alg = "none"', "", ONE, "clients[0].id_token_signed_response_alg"),
        ('id_token_signed_response_alg = "PS256"', "", ONE, "clients[0].id_token_signed_response_alg"),
        ('userinfo_signed_response_alg = "HS256"', "", ONE, "clients[0].userinfo_signed_response_alg"),
        ("id_token_encrypted_response = true", "", ONE, "clients[0].jwks"),
        (jwks(SIGNING), "", ONE, "clients[0].jwks"),
        (jwks(P384), "", ONE, "clients[0].jwks"),
    ],
)
def test_what_is_not(tmp_path: Path, client: str, openid: str, uris: str, path: str) -> None:
    assert problems(tmp_path, client, openid, uris) == [path]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject_type", '"pairwise"'),
        ("userinfo_signed_response_alg", '"ES256"'),
        ("backchannel_logout_uri", '"https://app.example.com/out"'),
        ("post_logout_redirect_uris", '["https://app.example.com/bye"]'),
    ],
)
def test_settings_that_mean_nothing_without_it(tmp_path: Path, field: str, value: str) -> None:
    text = TEXT.replace("enabled = true", "enabled = false")
    assert problems(tmp_path, f"{field} = {value}", text=text) == [f"clients[0].{field}"]
