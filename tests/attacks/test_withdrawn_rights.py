"""Rights that are withdrawn while bags and tokens live (attack 109): no use goes beyond today's registration."""

from pathlib import Path

import pytest

from service.decisions.pages import ConsentPage, LoginPage
from service.grants.exchange_party import ACCESS_TOKEN
from tests.worlds.devices import Devices
from tests.worlds.http import basic, granted, refused
from tests.worlds.identifiers import API, BILLING, VAULT
from tests.worlds.issuers import EXCHANGE, RESOURCES, client, exchange, mint
from tests.worlds.openid import RS, SCOPES, OpenId
from tests.worlds.refresh_chains import RefreshChains
from tests.worlds.satchel import Satchel
from tests.worlds.users import ALICE, user


@pytest.fixture
def chains(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path / "chains")


WRITE = ('scopes = ["read", "write", "vault", "sealed"]', 'scopes = ["read", "vault", "sealed"]')


def test_109_a_scope_that_was_taken_from_the_client(chains: RefreshChains) -> None:
    code, tokens = chains.code(), chains.begin()
    access = tokens["access_token"]
    chains.reconfigure(WRITE)
    assert granted(chains.redeem(code))["scope"] == "read"
    refreshed = granted(chains.refresh(tokens["refresh_token"]))
    assert refreshed["scope"] == "read"
    refused(chains.refresh(tokens["refresh_token"], scope="write"), "invalid_scope")
    assert chains.seen(access)["scope"] == "read"
    chains.reconfigure(WRITE[::-1])
    assert granted(chains.refresh(refreshed["refresh_token"]))["scope"] == "read write"


def test_109_every_scope(chains: RefreshChains) -> None:
    tokens = chains.begin()
    chains.reconfigure((WRITE[0], 'scopes = ["other"]'))
    refused(chains.refresh(tokens["refresh_token"]))
    assert chains.reason == "every scope or resource was withdrawn"


def test_109_a_resource_that_was_taken_from_the_client(chains: RefreshChains) -> None:
    code = chains.code(resources=(API, VAULT))
    both = chains.code(resources=(API, VAULT))
    tokens = granted(chains.redeem(code, resource=VAULT))
    access = tokens["access_token"]
    assert chains.active(access)
    chains.reconfigure((f'resources = ["{API}", "{VAULT}", ', f'resources = ["{API}", '))
    assert granted(chains.redeem(both))["scope"] == "read write"
    refused(chains.refresh(tokens["refresh_token"], resource=VAULT), "invalid_target")
    granted(chains.refresh(tokens["refresh_token"], resource=API))
    assert not chains.active(access)


def test_109_a_grant_that_was_taken_from_the_client(chains: RefreshChains) -> None:
    code, tokens = chains.code(), chains.begin()
    chains.reconfigure(
        ('grants = ["authorization_code", "refresh_token", "client_credentials"]', 'grants = ["password"]')
    )
    refused(chains.redeem(code), "unauthorized_client")
    refused(chains.refresh(tokens["refresh_token"]), "unauthorized_client")


def test_109_a_redirect_uri_that_was_taken_from_the_client(chains: RefreshChains) -> None:
    code = chains.code(redirect_uri="http://127.0.0.1/callback")
    chains.reconfigure(
        ('redirect_uris = ["http://127.0.0.1/callback"]', 'redirect_uris = ["https://new.example.com/"]')
    )
    refused(chains.redeem(code, redirect_uri="http://127.0.0.1/callback"))
    assert chains.reason == "the redirect URI is no longer registered"


def test_109_a_client_that_is_gone(chains: RefreshChains) -> None:
    access = chains.begin("other")["access_token"]
    assert chains.active(access)
    chains.reconfigure(('id = "other"', 'id = "renamed"'))
    assert not chains.active(access)


def test_109_a_token_of_a_client_that_is_gone_is_not_exchanged(tmp_path: Path) -> None:
    text = RESOURCES + client("app") + client("gateway", EXCHANGE, serves=[API])
    satchel = Satchel(tmp_path, text + exchange("gateway", audiences=[BILLING], scopes=["bill"]))
    form = {"grant_type": EXCHANGE, "subject_token": mint(satchel), "subject_token_type": ACCESS_TOKEN}
    assert satchel.post("/token", {**form, "resource": BILLING}, basic("gateway", "s")).status == 200
    satchel.reconfigure(('id = "app"', 'id = "renamed"'))
    refused(satchel.post("/token", {**form, "resource": BILLING}, basic("gateway", "s")), "invalid_request")


def test_109_a_user_who_is_gone(chains: RefreshChains) -> None:
    code, tokens = chains.code(), chains.begin()
    chains.reconfigure((ALICE, user("carol")))
    refused(chains.redeem(code))
    refused(chains.refresh(tokens["refresh_token"]))
    assert chains.reason == "the client or the user is gone"
    assert not chains.active(tokens["access_token"])


def test_109_the_last_user_who_is_gone(chains: RefreshChains) -> None:
    tokens = chains.begin()
    chains.reconfigure((ALICE, ""), (user("bob"), ""))
    refused(chains.refresh(tokens["refresh_token"]))


def test_109_a_user_who_is_gone_has_no_session(tmp_path: Path) -> None:
    devices = Devices(tmp_path)
    devices.answer(devices.begin(scope="read").user_code, "allow")
    assert isinstance(devices.enter(devices.begin(scope="read").user_code).answer, ConsentPage)
    devices.reconfigure(('id = "u-1"', 'id = "u-3"'))
    assert isinstance(devices.enter(devices.begin(scope="read").user_code).answer, LoginPage)


def test_109_users_that_somebody_else_knows_are_not_missing(tmp_path: Path) -> None:
    """Where a login application logs people in, the list is not the only authority."""
    application = '[login]\nurl = "https://login.example.com/"\nclient = "rs"\n'
    chains = RefreshChains(tmp_path, application)
    tokens = chains.begin()
    chains.reconfigure((ALICE, ""))
    granted(chains.refresh(tokens["refresh_token"]))


def test_109_userinfo_after_the_scope_the_client_or_the_user_is_gone(tmp_path: Path) -> None:
    openid = OpenId(tmp_path)
    token = openid.tokens(scope=SCOPES)["access_token"]
    assert openid.userinfo(token).json()["email"] == "alice@example.com"
    text = openid.file.read_text()
    openid.reconfigure(('"email", ', ""))
    assert "email" not in openid.userinfo(token).json()
    openid.reconfigure(('"openid", ', ""))
    assert openid.userinfo(token).json()["error"] == "insufficient_scope"
    openid.file.write_text(text)
    openid.reconfigure(('id = "alice"', 'id = "carol"'))
    assert openid.userinfo(token).json()["error"] == "invalid_token"
    assert openid.introspect(token, RS).json() == {"active": False}
