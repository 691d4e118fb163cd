"""With the memory `none`, what cannot be done is refused and not advertised."""

import asyncio
from pathlib import Path

import pytest

from service.app import load
from service.bags.kinds import AccessToken
from service.config.check_memory import memory_warnings
from service.decisions.resource_server.revoke import revoke, revoke_issued
from service.memory.none import NoMemory
from service.protocol.errors import OAuthError
from tests.worlds.decision_api import DecisionApi
from tests.worlds.demo import DEMO, MACHINES
from tests.worlds.http import basic, granted
from tests.worlds.openid import AFTER, OpenId
from tests.worlds.refresh_chains import RefreshChains
from tests.worlds.satchel import NOW

NONE = '[memory]\nkind = "none"\n'
REVOCATION = {
    "revocation_endpoint",
    "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
}


@pytest.mark.parametrize("kind", ["an access token", "a refresh token", "nothing of ours"])
def test_the_revocation_endpoint_refuses_every_token(tmp_path: Path, kind: str) -> None:
    service = RefreshChains(tmp_path, NONE)
    tokens = service.begin("web")
    token = {"an access token": tokens["access_token"], "a refresh token": tokens["refresh_token"]}.get(kind, "x")
    answer = service.post("/revoke", {"token": token}, basic("web", "secret"))
    assert (answer.status, answer.json()["error"]) == (400, "unsupported_token_type")
    assert service.active(tokens["access_token"])
    granted(service.refresh(tokens["refresh_token"], "web"))
    assert service.post("/revoke", {"token": token}, basic("web", "wrong")).status == 401


def test_no_other_way_to_revoke_reports_success(tmp_path: Path) -> None:
    service = RefreshChains(tmp_path, NONE)
    memory, config = service.context.memory, service.config
    for named in ({}, {"client": "web"}, {"subject": "alice"}, {"family": "f"}):
        with pytest.raises(OAuthError, match="unsupported_token_type"):
            asyncio.run(revoke_issued(memory, config, NOW, **named))
    token = service.context.snapshot.open(service.begin("web")["access_token"], (AccessToken,), NOW)
    with pytest.raises(OAuthError, match="unsupported_token_type"):
        asyncio.run(revoke(token, service.context))


@pytest.mark.parametrize(("top", "advertised"), [("", REVOCATION), (NONE, set())])
def test_the_metadata_name_the_endpoint_only_where_it_works(tmp_path: Path, top: str, advertised: set[str]) -> None:
    document = RefreshChains(tmp_path, top).get("/.well-known/oauth-authorization-server").json()
    assert REVOCATION & document.keys() == advertised


def test_the_decision_api_says_that_it_cannot(tmp_path: Path) -> None:
    service = DecisionApi(tmp_path)
    service.app.runtime.context = service.context._replace(memory=NoMemory())  # its configuration has a device flow
    token = service.ask({"grant_type": "client_credentials"})["accessToken"]
    for named in ({"accessTokenIdentifier": token}, {"subject": "alice"}, {"clientIdentifier": "web"}):
        assert "memory.kind is none" in service.fault("auth/token/revoke", **named)
    said = service.call("auth/revocation", parameters=f"token={token}", clientId="web", clientSecret="secret")
    assert said["action"] == "BAD_REQUEST"
    assert "unsupported_token_type" in said["responseContent"]
    assert REVOCATION.isdisjoint(service.call("service/configuration"))


def test_a_logout_without_the_cookie_is_refused(tmp_path: Path) -> None:
    """No cookie can be deleted, and nothing would remember that the session of the ID token is over."""
    openid = OpenId(tmp_path, NONE)
    session, cookie = openid.session("web")
    hint = openid.id_token(session)
    decision = openid.logout(id_token_hint=hint, post_logout_redirect_uri=AFTER)
    assert decision.error is not None
    assert decision.error.code == "invalid_request"
    decision = openid.logout(cookie, id_token_hint=hint, post_logout_redirect_uri=AFTER)
    assert (decision.error, decision.session) == (None, "")


def test_what_is_lost_is_named_by_the_check(tmp_path: Path) -> None:
    file = tmp_path / "satchel.toml"
    file.write_text(DEMO)
    assert list(memory_warnings(load(file, {}))) == []
    file.write_text(
        'without_memory = ["introspect"]\n'
        + MACHINES.replace('kind = "embedded"', 'kind = "none"\naccept_identity = ["0011"]\nquotas = { par = 5 }')
        + "\n[refresh]\nrotate_confidential = true\n"
    )
    config = load(file, {})
    paths = [path for path, _ in memory_warnings(config)]
    public = [f"clients[{n}].grants" for n, one in enumerate(config.clients) if one.public]
    assert public
    assert paths[:2] == ["memory.kind", "login"]
    assert paths[2:] == [
        *public,
        "without_memory",
        "refresh.rotate_confidential",
        "memory.accept_identity",
        "memory.quotas",
    ]
