"""Authlete's Python SDK, pointed at a running Satchel by its base URL alone: a server on it runs every flow."""

import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest
from authlete.api.authlete_api_exception import AuthleteApiException
from authlete.api.authlete_api_impl import AuthleteApiImpl
from authlete.conf.authlete_configuration import AuthleteConfiguration
from authlete.dto import TokenRequest
from flask.testing import FlaskClient

from satchel_jose.base64url import encode
from tests.decision_api.authorization_server import authorization_server, fill
from tests.worlds.demo import CXF, DEMO
from tests.worlds.gunicorn import Running
from tests.worlds.pkce import CHALLENGE, VERIFIER

pytestmark = pytest.mark.slow

TOKEN = "bearer-of-the-tests"
DIGEST = sha256(TOKEN.encode()).hexdigest()
TOML = DEMO.replace("[api]\n", f'[api]\ntokens = ["{DIGEST}"]\n')
CREDENTIALS = {
    "V2": {"serviceApiKey": "10001", "serviceApiSecret": "decision-demo"},
    "V3": {"apiVersion": "V3", "serviceApiKey": "10001", "serviceAccessToken": TOKEN},
}
CALLBACK = "http://localhost:8080/services/reservations/reserve/complete"
VAULT = "https://vault.example.com"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("sdk"), TOML, workers=1) as running:
        yield running


def api_of(server: Running, version: str, **other: str) -> AuthleteApiImpl:
    return AuthleteApiImpl(AuthleteConfiguration({"baseUrl": server.url, **CREDENTIALS[version], **other}))


@pytest.fixture(params=CREDENTIALS)
def site(request: pytest.FixtureRequest, server: Running) -> FlaskClient:
    """The authorization server on the SDK."""
    return authorization_server(api_of(server, request.param)).test_client()


def begin(site: FlaskClient, **changes: str) -> Any:
    s256 = encode(CHALLENGE).decode()
    asked = {
        "client_id": "123456789",
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid profile offline_access read",
        "state": "s 1",
        "nonce": "n1",
        "code_challenge": s256,
        "code_challenge_method": "S256",
    }
    return site.get("/authorize", query_string=asked | changes)


def decide(site: FlaskClient, ticket: str, **form: str) -> dict[str, str]:
    """What the client is sent after a decision."""
    usual = {"username": "alice", "password": "wonderland", "answer": "allow"}
    gone = site.post("/authorize/decision", data={"ticket": ticket} | usual | form)
    assert gone.status_code == 302, gone.text
    location = str(gone.headers["Location"])
    assert location.startswith(CALLBACK)
    return dict(parse_qsl(urlsplit(location).query))


def ask(site: FlaskClient, **form: Any) -> Any:
    return site.post("/token", data=form, headers=CXF)


def tokens(site: FlaskClient) -> dict[str, Any]:
    page = begin(site).get_json()
    assert page["client"] == "Reservations"
    assert "Read your reservations" in page["scopes"]
    back = decide(site, page["ticket"])
    assert back["state"] == "s 1"
    answer = ask(
        site, grant_type="authorization_code", code=back["code"], redirect_uri=CALLBACK, code_verifier=VERIFIER
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(answer.get_json())


def test_code_refresh_userinfo_and_revocation(site: FlaskClient, server: Running) -> None:
    got = tokens(site)
    keys = jwt.PyJWKSet.from_dict(site.get("/jwks").get_json())
    issuer = site.get("/.well-known/openid-configuration").get_json()["issuer"]
    for text, audience in ((got["id_token"], "123456789"), (got["access_token"], "https://api.example.com")):
        header = jwt.get_unverified_header(text)
        claims = jwt.decode(text, keys[header["kid"]], [header["alg"]], audience=audience, issuer=issuer)
        assert claims["sub"] == "alice"
    told = site.get("/userinfo", headers={"Authorization": f"Bearer {got['access_token']}"}).get_json()
    assert told == {"sub": "alice", "name": "Alice"}  # email was not asked for, a shoe size never is
    tea = site.get("/tea", headers={"Authorization": f"Bearer {got['access_token']}"})
    assert tea.get_json() == {"for": "alice", "client": 123456789}
    again = ask(site, grant_type="refresh_token", refresh_token=got["refresh_token"]).get_json()
    assert again["access_token"] != got["access_token"]
    assert "id_token" in again
    assert site.post("/introspect", data={"token": again["access_token"]}).get_json()["active"] is True
    assert site.post("/revoke", data={"token": again["refresh_token"]}, headers=CXF).status_code == 200
    assert site.post("/introspect", data={"token": again["access_token"]}).get_json() == {"active": False}
    assert ask(site, grant_type="refresh_token", refresh_token=again["refresh_token"]).status_code == 400
    refused = site.get("/tea", headers={"Authorization": f"Bearer {again['access_token']}"})
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_both_sides_honour_each_others_tokens(site: FlaskClient, server: Running) -> None:
    """What the standard endpoints issue is good at the API, and the other way round."""
    seen = site.get("/tea", headers={"Authorization": f"Bearer {server.token()}"})
    assert seen.get_json() == {"for": None, "client": 123456789}
    got = tokens(site)
    form = {"grant_type": "refresh_token", "refresh_token": got["refresh_token"]}
    headers = {**CXF, "Content-Type": "application/x-www-form-urlencoded"}
    assert server.post("/token", form, headers).status == 200


def test_denial_silence_and_errors_reach_the_client(site: FlaskClient) -> None:
    assert decide(site, begin(site).get_json()["ticket"], answer="deny")["error"] == "access_denied"
    assert decide(site, begin(site).get_json()["ticket"], password="wrong")["error"] == "login_required"
    silent = begin(site, prompt="none")
    assert "error=login_required" in silent.headers["Location"]
    unsupported = begin(site, response_type="token")
    assert "error=unsupported_response_type" in unsupported.headers["Location"]
    nobody = begin(site, client_id="nobody")
    assert (nobody.status_code, nobody.get_json()["error"]) == (400, "invalid_request")
    page = begin(site, response_mode="form_post").get_json()
    usual = {"username": "alice", "password": "wonderland", "answer": "allow"}
    posted = site.post("/authorize/decision", data={"ticket": page["ticket"]} | usual)
    assert 'name="code"' in posted.text
    assert CALLBACK in posted.text
    replayed = site.post("/authorize/decision", data={"ticket": page["ticket"]} | usual)
    assert replayed.status_code == 400


def test_pushed_requests(site: FlaskClient) -> None:
    asked = {"response_type": "code", "redirect_uri": CALLBACK, "scope": "read", "state": "s"}
    asked |= {"code_challenge": encode(CHALLENGE).decode(), "code_challenge_method": "S256"}
    pushed = site.post("/par", data=asked, headers=CXF)
    assert pushed.status_code == 201
    query = {"client_id": "123456789", "request_uri": pushed.get_json()["request_uri"]}
    page = site.get("/authorize", query_string=query).get_json()
    assert "code" in decide(site, page["ticket"])
    assert site.get("/authorize", query_string=query).status_code == 400


def test_password(site: FlaskClient) -> None:
    got = ask(site, grant_type="password", username="alice", password="wonderland", scope="read")
    assert got.status_code == 200
    assert site.post("/introspect", data={"token": got.get_json()["access_token"]}).get_json()["sub"] == "alice"
    wrong = ask(site, grant_type="password", username="alice", password="wrong")
    assert (wrong.status_code, wrong.get_json()["error"]) == (400, "invalid_grant")


def test_client_credentials(site: FlaskClient) -> None:
    got = ask(site, grant_type="client_credentials", scope="read").get_json()
    assert site.post("/introspect", data={"token": got["access_token"]}).get_json()["sub"] == "123456789"
    stranger = site.post("/token", data={"grant_type": "client_credentials"}, auth=("123456789", "wrong"))
    assert (stranger.status_code, stranger.get_json()["error"]) == (401, "invalid_client")


def test_token_exchange(site: FlaskClient) -> None:
    subject = tokens(site)["access_token"]
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": subject,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "resource": VAULT,
        "scope": "vault",
    }
    got = ask(site, **form).get_json()
    seen = site.post("/introspect", data={"token": got["access_token"]}).get_json()
    assert (seen["sub"], seen["aud"], seen["scope"]) == ("alice", VAULT, "vault")
    refused = ask(site, **{**form, "subject_token": subject + "x"})
    assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("answer", ["allow", "deny"])
def test_device(site: FlaskClient, answer: str) -> None:
    codes = site.post("/device_authorization", data={"client_id": "tv", "scope": "read"}).get_json()
    grant_type = "urn:ietf:params:oauth:grant-type:device_code"
    poll = {"grant_type": grant_type, "client_id": "tv", "device_code": codes["device_code"]}
    said = {"username": "alice", "password": "wonderland", "answer": answer}
    unknown = site.post("/device", data={"user_code": "BBBB-BBBB", **said})
    assert unknown.get_json() == {"fault": "NOT_EXIST"}
    done = site.post("/device", data={"user_code": codes["user_code"].lower(), **said}).get_json()
    assert done == {"client": "Television", "done": "SUCCESS"}
    polled = site.post("/token", data=poll)
    if answer == "deny":
        assert polled.get_json()["error"] == "access_denied"
        return
    assert site.post("/introspect", data={"token": polled.get_json()["access_token"]}).get_json()["sub"] == "alice"
    assert site.post("/token", data=poll).get_json()["error"] in ("slow_down", "invalid_grant")


@pytest.mark.parametrize("version", CREDENTIALS)
def test_whoever_is_not_the_operator_learns_nothing(server: Running, version: str) -> None:
    wrong = {"V2": {"serviceApiSecret": "wrong"}, "V3": {"serviceAccessToken": "wrong"}}[version]
    request = fill(TokenRequest(), parameters="grant_type=client_credentials")
    with pytest.raises(AuthleteApiException) as refused:
        api_of(server, version, **wrong).token(request)
    assert refused.value.response.status_code == 401


def test_what_is_not_kept_says_so(server: Running) -> None:
    api = api_of(server, "V3")
    for ask_for in (api.getTokenList, api.getClientList, lambda: api.getClient(1), lambda: api.tokenDelete("x")):
        with pytest.raises(AuthleteApiException, match="not kept"):
            ask_for()


def test_tokens_are_as_old_as_they_say(server: Running) -> None:
    api, before = api_of(server, "V2"), int(time.time())
    parameters = urlencode({"grant_type": "client_credentials"})
    made = api.token(fill(TokenRequest(), parameters=parameters, clientId="123456789", clientSecret="987654321"))
    assert made.accessTokenDuration == 600
    assert before * 1000 <= made.accessTokenExpiresAt - 600_000 <= time.time() * 1000
