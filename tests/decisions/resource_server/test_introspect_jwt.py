"""Signed answers of the introspection endpoint (RFC 9701), for those who ask for them."""

import jwt
import pytest

from tests.worlds.dpop import Holder
from tests.worlds.http import Answer, basic, granted
from tests.worlds.identifiers import API, ISSUER
from tests.worlds.refresh_chains import RESOURCES, RS, RefreshChains
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched

TYPE = "application/token-introspection+jwt"


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> RefreshChains:
    return RefreshChains(tmp_path_factory.mktemp("signed"))


def asked(sessions: RefreshChains, token: str, accept: str = TYPE, caller: dict[str, str] = RS) -> Answer:
    return sessions.post("/introspect", {"token": token}, {**caller, "Accept": accept})


def told(sessions: RefreshChains, answer: Answer, audience: str = "rs") -> dict[str, object]:
    """The claims, checked with the published keys as a resource server would."""
    assert (answer.status, answer.headers["content-type"]) == (200, TYPE)
    assert answer.headers["cache-control"] == "no-store"
    header = jwt.get_unverified_header(answer.body.decode())
    assert header["typ"] == "token-introspection+jwt"
    key = jwt.PyJWKSet.from_dict(sessions.get("/jwks").json())[header["kid"]]
    options = {"verify_iat": False, "require": ["iss", "aud", "iat"]}
    claims: dict[str, object] = jwt.decode(
        answer.body, key, ["ES256"], audience=audience, issuer=ISSUER, options=options
    )
    assert claims.keys() == {"iss", "aud", "iat", "token_introspection"}
    assert claims["iat"] == NOW
    return dict(claims["token_introspection"])  # type: ignore[call-overload]


@pytest.mark.parametrize("form", RESOURCES)
def test_the_answer_is_the_plain_one_signed(sessions: RefreshChains, form: str) -> None:
    token = sessions.begin("spa", Holder().proof(NOW), resource=RESOURCES[form])["access_token"]
    assert told(sessions, asked(sessions, token)) == sessions.seen(token)
    assert sessions.seen(token)["token_type"] == "DPoP"


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/jwt", "", "application/token-introspection"]
)
def test_whoever_does_not_ask_gets_json(sessions: RefreshChains, accept: str) -> None:
    answer = asked(sessions, sessions.begin()["access_token"], accept)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["active"] is True


def test_one_of_several_media_types(sessions: RefreshChains) -> None:
    assert told(sessions, asked(sessions, "x", f"application/json;q=0.5, {TYPE}")) == {"active": False}


def test_nothing_is_told_of_a_token_that_is_not_the_callers(sessions: RefreshChains) -> None:
    token = sessions.begin(resource=RESOURCES["bag"])["access_token"]
    answer = asked(sessions, token, caller=basic("rs-api", "secret"))
    assert told(sessions, answer, "rs-api") == {"active": False}


def test_a_revoked_token(sessions: RefreshChains) -> None:
    token = sessions.begin()["access_token"]
    sessions.revoke(token)
    assert told(sessions, asked(sessions, token)) == {"active": False}


def test_the_answer_is_no_token(sessions: RefreshChains) -> None:
    """RFC 9701 section 8.1: its `typ` and the lack of `sub` and `exp` keep it from being taken for one."""
    answer = asked(sessions, sessions.begin()["access_token"]).body.decode()
    assert not sessions.active(answer)
    for parameter, grant in (("code", "authorization_code"), ("refresh_token", "refresh_token")):
        sent = sessions.send("/token", "web", {"grant_type": grant, parameter: answer})
        assert (sent.status, sent.json()["error"]) == (400, "invalid_grant")


def test_errors_are_not_signed(sessions: RefreshChains) -> None:
    answer = asked(sessions, "x", caller=basic("rs", "wrong"))
    assert (answer.status, answer.headers["content-type"]) == (401, "application/json")
    memory = watched(sessions)
    token = granted(sessions.send("/token", "web", {"grant_type": "client_credentials"}))["access_token"]
    memory.down = True
    answer = asked(sessions, token)
    assert (answer.status, answer.json()["error"]) == (503, "temporarily_unavailable")
    memory.down = False
    assert told(sessions, asked(sessions, token))["aud"] == API


def test_the_metadata_names_the_algorithm(sessions: RefreshChains) -> None:
    document = sessions.get("/.well-known/oauth-authorization-server").json()
    assert document["introspection_signing_alg_values_supported"] == ["ES256"]


def test_no_key_no_answer(sessions: RefreshChains) -> None:
    sessions.now += 10 * 365 * 86_400
    try:
        answer = asked(sessions, "x")
    finally:
        sessions.now = float(NOW)
    assert (answer.status, answer.json()["error"]) == (503, "temporarily_unavailable")
