"""RFC 8707 section 2.2: `resource` at the token endpoint, with a code and with the refresh tokens that follow."""

from pathlib import Path

import pytest

from tests.worlds.http import granted, refused
from tests.worlds.identifiers import API, SEALED, VAULT
from tests.worlds.refresh_chains import RefreshChains


@pytest.fixture
def sessions(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path)


def audience(sessions: RefreshChains, answer: dict[str, str]) -> str:
    return str(sessions.seen(answer["access_token"])["aud"])


def test_a_subset_of_what_was_granted(sessions: RefreshChains) -> None:
    """As in figures 3 to 6: a code for two resources, a token for one of them, and a refresh for the other."""
    first = granted(sessions.redeem(sessions.code(resources=(API, VAULT)), resource=API))
    assert (audience(sessions, first), first["scope"]) == (API, "read write")
    second = granted(sessions.refresh(first["refresh_token"], resource=VAULT))
    assert (audience(sessions, second), second["scope"]) == (VAULT, "read vault")
    third = granted(sessions.refresh(second["refresh_token"], resource=API))
    assert audience(sessions, third) == API


def test_the_same_as_granted_where_none_is_named(sessions: RefreshChains) -> None:
    first = granted(sessions.redeem(sessions.code(resources=(VAULT,))))
    assert audience(sessions, first) == VAULT
    assert audience(sessions, granted(sessions.refresh(first["refresh_token"]))) == VAULT


@pytest.mark.parametrize("client", ["web", "spa"])
def test_beyond_what_was_granted(sessions: RefreshChains, client: str) -> None:
    code = sessions.code(client, resources=(API, VAULT))
    refused(sessions.redeem(code, client, resource=SEALED), "invalid_target")
    tokens = granted(sessions.redeem(code, client, resource=API))
    refused(sessions.refresh(tokens["refresh_token"], client, resource=SEALED), "invalid_target")
    refused(sessions.refresh(tokens["refresh_token"], client, resource=[API, SEALED]), "invalid_target")
    granted(sessions.refresh(tokens["refresh_token"], client, resource=VAULT))


def test_resources_that_cannot_share_a_token(sessions: RefreshChains) -> None:
    code = sessions.code(resources=(API, VAULT))
    refused(sessions.redeem(code, resource=[API, VAULT]), "invalid_target")
    refused(sessions.redeem(code), "invalid_target")
    granted(sessions.redeem(code, resource=API))


def test_scope_and_resource_narrow_together(sessions: RefreshChains) -> None:
    tokens = granted(sessions.redeem(sessions.code(resources=(API, VAULT)), resource=API))
    narrow = granted(sessions.refresh(tokens["refresh_token"], resource=VAULT, scope="vault"))
    assert sessions.seen(narrow["access_token"])["scope"] == "vault"
    refused(sessions.refresh(narrow["refresh_token"], resource=VAULT, scope="write"), "invalid_scope")
    wide = granted(sessions.refresh(narrow["refresh_token"], resource=VAULT, scope="read vault"))
    assert sessions.seen(wide["access_token"])["scope"] == "read vault"
