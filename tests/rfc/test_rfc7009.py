"""RFC 7009: revocation, section by section."""

from pathlib import Path

import pytest

from tests.worlds.http import basic, granted, refused
from tests.worlds.refresh_chains import RefreshChains
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched


@pytest.fixture
def sessions(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path)


def test_section_2_post_only(sessions: RefreshChains) -> None:
    for verb in ("GET", "PUT", "DELETE"):
        assert sessions.request(verb, "/revoke?token=x", headers=basic("web", "secret")).status == 405


def test_section_2_1_a_request_as_in_the_example(sessions: RefreshChains) -> None:
    tokens = sessions.begin()
    form = {"token": tokens["refresh_token"], "token_type_hint": "refresh_token"}
    answer = sessions.post("/revoke", form, basic("web", "secret"))
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")


def test_section_2_1_the_client_is_authenticated_first(sessions: RefreshChains) -> None:
    answer = sessions.post("/revoke", {"token": "x"}, basic("web", "wrong"))
    refused(answer, "invalid_client", 401)
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_section_2_1_the_token_was_issued_to_the_client(sessions: RefreshChains) -> None:
    tokens = sessions.begin()
    assert sessions.revoke(tokens["refresh_token"], "other").status == 200
    granted(sessions.refresh(tokens["refresh_token"]))


def test_section_2_1_with_the_refresh_token_go_all_access_tokens(sessions: RefreshChains) -> None:
    tokens = sessions.begin()
    sessions.revoke(tokens["refresh_token"])
    assert not sessions.active(tokens["access_token"])


def test_section_2_1_immediately(sessions: RefreshChains) -> None:
    token = sessions.begin()["access_token"]
    assert sessions.active(token)
    sessions.revoke(token)
    assert not sessions.active(token)
    assert sessions.now == NOW


@pytest.mark.parametrize("token", ["45ghiukldjahdnhzdauz", "x.y.z", "é"])
def test_section_2_2_invalid_tokens_are_200(sessions: RefreshChains, token: str) -> None:
    assert sessions.revoke(token).status == 200


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "pairing_code"])
def test_section_2_1_a_wrong_or_unknown_hint_does_no_harm(sessions: RefreshChains, hint: str) -> None:
    tokens = sessions.begin()
    sessions.revoke(tokens["access_token"], token_type_hint=hint)
    assert not sessions.active(tokens["access_token"])


def test_section_2_2_1_503_with_retry_after(sessions: RefreshChains) -> None:
    token = sessions.begin()["access_token"]
    watched(sessions).down = True
    answer = sessions.revoke(token)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0


def test_section_5_a_public_client_names_itself(sessions: RefreshChains) -> None:
    tokens = sessions.begin("spa")
    assert sessions.post("/revoke", {"token": tokens["access_token"], "client_id": "spa"}).status == 200
    assert not sessions.active(tokens["access_token"])


def test_section_4_the_endpoint_is_in_the_metadata(sessions: RefreshChains) -> None:
    document = sessions.get("/.well-known/oauth-authorization-server").json()
    assert document["revocation_endpoint"] == "https://as.example.com/revoke"
    assert "client_secret_basic" in document["revocation_endpoint_auth_methods_supported"]
