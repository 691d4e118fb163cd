"""RFC 8707: the request names the resource."""

from typing import Any

import jwt
import pytest

from tests.worlds.demo import API_SERVER, CXF, DEMO, VAULT_SERVER
from tests.worlds.http import Answer
from tests.worlds.satchel import Satchel

API_RESOURCE, VAULT_RESOURCE = "https://api.example.com", "https://vault.example.com"


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("rfc8707"), DEMO)


def ask(satchel: Satchel, *resources: str, **form: Any) -> Answer:
    return satchel.post("/token", {"grant_type": "client_credentials", "resource": resources, **form}, CXF)


def audience(answer: Answer) -> Any:
    return jwt.decode(answer.json()["access_token"], options={"verify_signature": False})["aud"]


def test_section_2_the_resource_becomes_the_audience(satchel: Satchel) -> None:
    assert audience(ask(satchel, API_RESOURCE)) == API_RESOURCE
    assert audience(ask(satchel)) == API_RESOURCE


def test_section_2_the_resource_chooses_format_and_scopes(satchel: Satchel) -> None:
    answer = ask(satchel, VAULT_RESOURCE)
    assert answer.json()["scope"] == "vault"
    assert answer.json()["access_token"].count(".") == 4
    assert satchel.introspect(answer.json()["access_token"], VAULT_SERVER).json()["aud"] == VAULT_RESOURCE


@pytest.mark.parametrize(
    "resource",
    [
        "https://nobody.example.com",
        "https://api.example.com//",
        "https://API.example.com",
        "HTTPS://api.example.com",
        "https://api.example.com:443",
        "https://api.example.com#part",
        "https://api.example.com?x=1",
        "https://api.example.com,https://vault.example.com",
        "https://api.example.com https://vault.example.com",
        "api.example.com",
        "/relative",
        "*",
        "é",
        "x" * 10_000,
    ],
)
def test_section_2_invalid_target(satchel: Satchel, resource: str) -> None:
    answer = ask(satchel, resource)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_target")
    assert resource not in answer.body.decode() or len(resource) == 1


def test_section_2_one_bad_resource_among_good_ones(satchel: Satchel) -> None:
    assert ask(satchel, API_RESOURCE, "https://nobody.example.com").json()["error"] == "invalid_target"


def test_section_2_several_resources_that_cannot_share_a_token(satchel: Satchel) -> None:
    assert ask(satchel, API_RESOURCE, VAULT_RESOURCE).json()["error"] == "invalid_target"


def test_section_2_several_resources_that_can(make_satchel: Any) -> None:
    satchel = make_satchel(DEMO.replace('format = "bag"', ""))
    answer = ask(satchel, API_RESOURCE, VAULT_RESOURCE, API_RESOURCE)
    assert audience(answer) == [API_RESOURCE, VAULT_RESOURCE]
    assert answer.json()["scope"] == "read write vault"
    for caller in (API_SERVER, VAULT_SERVER):
        assert satchel.introspect(answer.json()["access_token"], caller).json()["active"] is True


def test_a_resource_that_the_client_may_not_ask_for(make_satchel: Any) -> None:
    only = DEMO.replace('resources = ["https://api.example.com", "https://vault.example.com"]', "")
    satchel = make_satchel(only)
    assert ask(satchel, API_RESOURCE).status == 200
    refused, unknown = ask(satchel, VAULT_RESOURCE), ask(satchel, "https://nobody.example.com")
    assert (refused.status, refused.json()["error"]) == (400, "invalid_target")
    assert refused == unknown
