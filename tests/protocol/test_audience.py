"""Choosing the audience of a token (RFC 8707 section 2)."""

from pathlib import Path

import pytest

from service.clients.registry import Registry
from service.config import Client
from service.protocol.errors import OAuthError
from tests.worlds import audiences
from tests.worlds.audiences import BAG, ED, A, B, C


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return audiences.registry(tmp_path)


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


@pytest.mark.parametrize("resource", ["https://nobody.example.com", A + "//", A.upper(), A + "#", "", "*", A + "\x00"])
def test_an_identifier_is_compared_exactly(registry: Registry, resource: str) -> None:
    assert refused(registry, client(A), resource) == "the client may not request this resource"


def test_an_empty_path_is_the_same_as_a_slash(registry: Registry) -> None:
    assert chosen(registry, client(A), A + "/") == [A]


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
