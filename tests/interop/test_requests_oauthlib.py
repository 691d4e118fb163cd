"""requests-oauthlib's session, unchanged, through every flow that works without a browser."""

import time
from collections.abc import Iterator

import pytest
from oauthlib.oauth2 import BackendApplicationClient, InvalidGrantError, OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from service.decisions.token.code import mint_code
from tests.worlds.gunicorn import Running, context_of
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.refresh_chains import REDIRECT, toml

pytestmark = pytest.mark.slow

SCOPE = ["read", "write"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("oauthlib"), toml("", "http://127.0.0.1:{port}")) as running:
        yield running


@pytest.fixture(autouse=True)
def _http_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def code(server: Running, client: str) -> str:
    members = {"redirect_uri": REDIRECT, "challenge": CHALLENGE}
    return mint_code(context_of(server), time.time(), client_id=client, sub="alice", scopes=tuple(SCOPE), **members)


@pytest.mark.parametrize("in_the_body", [True, False])
def test_client_credentials(server: Running, in_the_body: bool) -> None:
    with OAuth2Session(client=BackendApplicationClient("web", scope=SCOPE)) as session:
        more = {"include_client_id": True} if in_the_body else {"auth": HTTPBasicAuth("web", "secret")}
        token = session.fetch_token(f"{server.url}/token", client_secret="secret" if in_the_body else None, **more)
    assert token["token_type"] == "Bearer"
    assert token.scope_changed is False


def test_code_and_refresh_of_a_confidential_client(server: Running) -> None:
    with OAuth2Session("web", redirect_uri=REDIRECT, scope=SCOPE) as session:
        response = f"{REDIRECT}?code={code(server, 'web')}".replace("http:", "https:")
        url = f"{server.url}/token"
        first = session.fetch_token(
            url, client_secret="secret", authorization_response=response, code_verifier=VERIFIER
        )
        assert first["expires_in"] == 600
        second = session.refresh_token(url, auth=HTTPBasicAuth("web", "secret"))
        assert second["access_token"] != first["access_token"]
        told = session.post(f"{server.url}/introspect", {"token": second["access_token"]}, auth=("rs", "secret"))
        assert told.json()["sub"] == "alice"


def test_code_and_rotation_of_a_public_client(server: Running) -> None:
    with OAuth2Session("spa", redirect_uri=REDIRECT, scope=SCOPE) as session:
        url = f"{server.url}/token"
        first = session.fetch_token(url, code=code(server, "spa"), include_client_id=True, code_verifier=VERIFIER)
        second = session.refresh_token(url, client_id="spa")
        assert second["refresh_token"] != first["refresh_token"]
        third = session.refresh_token(url, client_id="spa")
        body = session._client.prepare_token_revocation_request(
            f"{server.url}/revoke".replace("http:", "https:"), third["refresh_token"], "refresh_token"
        )[2]
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        revoked = session.request(
            "POST", f"{server.url}/revoke", data=f"{body}&client_id=spa", headers=form, withhold_token=True
        )
        assert revoked.status_code == 200
        with pytest.raises(InvalidGrantError):
            session.refresh_token(url, client_id="spa")


def test_errors_become_its_exceptions(server: Running) -> None:
    with OAuth2Session(client=BackendApplicationClient("web", scope=["admin"])) as session:
        with pytest.raises(OAuth2Error) as caught:
            session.fetch_token(f"{server.url}/token", auth=HTTPBasicAuth("web", "secret"))
        assert caught.value.error == "invalid_scope"
    with OAuth2Session(client=BackendApplicationClient("web")) as session:
        with pytest.raises(OAuth2Error) as caught:
            session.fetch_token(f"{server.url}/token", auth=HTTPBasicAuth("web", "wrong"))
        assert caught.value.error == "invalid_client"
