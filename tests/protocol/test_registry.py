"""Choosing the audience of a token (RFC 8707 section 2)."""

from pathlib import Path

import pytest

from service.app import load
from service.clients.registry import Registry
from service.config import Client
from service.protocol.audience import meaningful_scopes, resource_scopes
from service.protocol.errors import OAuthError
from service.protocol.scopes import OPENID_SCOPES

A, B, C, BAG, ED = (f"https://{name}.example.com" for name in ("a", "b", "c", "bag", "ed"))
TOML = f"""
issuer = "https://as.example.com"
default_resource = "{A}"

[keys]
signing_algs = ["ES256", "EdDSA"]

[[resources]]
identifier = "{A}"
scopes = ["read"]

[[resources]]
identifier = "{B}"
lifetime = 60

[[resources]]
identifier = "{C}"
claims = {{ tier = "gold" }}

[[resources]]
identifier = "{BAG}"
format = "bag"

[[resources]]
identifier = "{ED}"
signing_alg = "EdDSA"
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    file = tmp_path / "satchel.toml"
    file.write_text(TOML)
    return Registry(load(file, {}))


def client(*resources: str) -> Client:
    return Client(id="c", resources=resources)


def chosen(registry: Registry, who: Client, *resources: str) -> list[str]:
    return [audience.identifier for audience in registry.audiences.target(who, resources)]


def refused(registry: Registry, who: Client, *resources: str) -> str:
    with pytest.raises(OAuthError) as caught:
        registry.audiences.target(who, resources)
    assert (caught.value.code, caught.value.status) == ("invalid_target", 400)
    return caught.value.description


def test_an_audience_has_its_resources_settings(registry: Registry) -> None:
    a, b, ed = (registry.audiences[name] for name in (A, B, ED))
    assert (a.format, a.alg, a.lifetime, a.scopes, a.claims) == ("jwt", "ES256", 600, {"read"}, {})
    assert b.lifetime == 60
    assert ed.alg == "EdDSA"
    assert registry.audiences[BAG].format == "bag"


def test_without_a_resource_the_default_is_chosen(registry: Registry) -> None:
    assert chosen(registry, client()) == [A]
    assert chosen(registry, client(B, A)) == [A]


def test_without_a_resource_the_only_one_is_chosen(registry: Registry) -> None:
    assert chosen(registry, client(B)) == [B]


def test_without_a_resource_nothing_is_guessed(registry: Registry) -> None:
    assert refused(registry, client(B, C)) == "resource is missing: the client may request several"


def test_a_client_without_resources_may_ask_for_the_default_alone(registry: Registry) -> None:
    assert chosen(registry, client(), A) == [A]
    assert refused(registry, client(), B) == "the client may not request this resource"


@pytest.mark.parametrize("resource", ["https://nobody.example.com", A + "/", A.upper(), A + "#", "", "*", A + "\x00"])
def test_an_identifier_is_compared_exactly(registry: Registry, resource: str) -> None:
    assert refused(registry, client(A), resource) == "the client may not request this resource"


def test_an_unknown_resource_and_a_forbidden_one_look_alike(registry: Registry) -> None:
    assert refused(registry, client(A), B) == refused(registry, client(A), "https://nobody.example.com")
    assert refused(registry, client(A, B), A, "https://nobody.example.com") == refused(registry, client(A), A, B)


def test_several_resources_share_a_token_that_looks_the_same_to_each(registry: Registry) -> None:
    assert chosen(registry, client(A, B), B, A, B) == [B, A]


@pytest.mark.parametrize("other", [C, BAG, ED])
def test_resources_whose_tokens_differ_share_none(registry: Registry, other: str) -> None:
    assert (
        refused(registry, client(A, other), A, other) == "these resources need separate tokens: request one at a time"
    )
    assert (
        refused(registry, client(A, other), other, A) == "these resources need separate tokens: request one at a time"
    )
    assert chosen(registry, client(A, other), other) == [other]


SCOPES = ("read", "openid", "email", "offline_access", "other")


def personal(tmp_path: Path, enabled: str) -> Registry:
    file = tmp_path / "satchel.toml"
    file.write_text(TOML.replace("[keys]", f"[openid]\nenabled = {enabled}\n[keys]"))
    return Registry(load(file, {}))


def test_the_scopes_of_openid_connect_mean_something_where_a_person_consents(tmp_path: Path) -> None:
    who = Client(id="c", scopes=SCOPES)
    registry = personal(tmp_path, "true")
    asked = registry.entitlements.consentable(who, (), "email openid read")
    assert (asked.scopes, asked.requested) == (("email", "openid", "read"), ("email", "openid", "read"))
    assert registry.entitlements.consentable(who, (), None).scopes == ("read", "openid", "email", "offline_access")
    assert meaningful_scopes(asked.audiences) == {"read", *OPENID_SCOPES}
    assert resource_scopes(asked.audiences) == {"read"}


def test_they_mean_nothing_without_a_person_or_without_openid_connect(tmp_path: Path) -> None:
    who = Client(id="c", scopes=SCOPES)
    registry = personal(tmp_path, "true")
    assert registry.entitlements.of(who, (), "openid read").scopes == ("read",)
    assert registry.entitlements.of(who, (), None).scopes == ("read",)
    assert personal(tmp_path, "false").entitlements.consentable(who, (), "openid read").scopes == ("read",)


def test_only_what_the_client_may_ask_for(tmp_path: Path) -> None:
    registry = personal(tmp_path, "true")
    with pytest.raises(OAuthError, match="invalid_scope"):
        registry.entitlements.consentable(Client(id="c", scopes=("read", "openid")), (), "openid email")


def test_a_person_may_be_asked_for_resources_that_share_no_token(registry: Registry) -> None:
    who = Client(id="c", resources=(A, BAG), scopes=("read",))
    assert [audience.identifier for audience in registry.entitlements.consentable(who, (A, BAG), None).audiences] == [
        A,
        BAG,
    ]
    with pytest.raises(OAuthError, match="invalid_target"):
        registry.entitlements.of(who, (A, BAG), None)
    with pytest.raises(OAuthError, match="invalid_target"):
        registry.entitlements.consentable(who, (A, B), None)
