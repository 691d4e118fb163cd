"""/userinfo (OpenID Connect Core section 5.3): which claims, for which tokens, and in which form."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from keys import Ring, SigningKey, rotate
from service.bags.snapshot import Snapshot
from service.decisions.resource_server.revoke import revoke_issued
from service.grants.exchange_party import ACCESS_TOKEN
from tests.worlds.http import Answer, basic, granted
from tests.worlds.identifiers import API, ISSUER, SEALED, VAULT
from tests.worlds.issuers import EXCHANGE
from tests.worlds.openid import CLAIMS, SCOPES, OpenId
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> OpenId:
    return OpenId(tmp_path_factory.mktemp("userinfo"))


@pytest.fixture
def openid(service: OpenId) -> Iterator[OpenId]:
    context = service.context
    yield service
    service.now, service.app.runtime.context = float(NOW), context


def refused(answer: Answer, error: str = "invalid_token", status: int = 401) -> None:
    assert (answer.status, answer.json()["error"]) == (status, error), answer.body
    assert f'error="{error}"' in answer.headers["www-authenticate"]
    assert answer.headers["cache-control"] == "no-store"


PROFILE = {name: CLAIMS[name] for name in ("name", "name#ja", "birthdate")}
BY_SCOPE = {
    "openid": {},
    "openid profile": PROFILE,
    "openid email": {"email": CLAIMS["email"], "email_verified": True},
    "openid address": {"address": CLAIMS["address"]},
    "openid phone": {"phone_number": CLAIMS["phone_number"]},
    "openid email phone read": {name: CLAIMS[name] for name in ("email", "email_verified", "phone_number")},
}


@pytest.mark.parametrize("scope", BY_SCOPE)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_claims_of_the_scopes(openid: OpenId, scope: str, method: str) -> None:
    answer = openid.userinfo(openid.tokens(scope=scope)["access_token"], method=method)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"sub": "alice", **BY_SCOPE[scope]}


@pytest.mark.parametrize("resource", [API, VAULT, SEALED])
def test_tokens_of_every_format(openid: OpenId, resource: str) -> None:
    tokens = openid.tokens(scope="openid email", asked=((), ("phone_number",)), resources=(resource,))
    answer = openid.userinfo(tokens["access_token"]).json()
    assert answer.keys() == {"sub", "email", "email_verified", "phone_number"}
    seen = openid.seen(tokens["access_token"])
    assert seen["active"]
    assert "personal" not in seen
    if resource == API:
        assert seen["tier"] == "gold"


def test_a_token_in_the_form(openid: OpenId) -> None:
    token = openid.tokens(scope="openid")["access_token"]
    assert openid.post("/userinfo", {"access_token": token}).json() == {"sub": "alice"}
    twice = openid.post("/userinfo", {"access_token": token}, {"Authorization": f"Bearer {token}"})
    refused(twice, "invalid_request", 400)


def test_claims_that_were_asked_for_by_name(openid: OpenId) -> None:
    tokens = openid.tokens(scope="openid", asked=(("email",), ("phone_number", "groups", "iss", "nonce", "sub")))
    assert openid.userinfo(tokens["access_token"]).json() == {
        "sub": "alice",
        "phone_number": CLAIMS["phone_number"],
        "groups": ["tea party"],
    }


def test_a_client_asks_for_no_more_than_its_scopes(openid: OpenId) -> None:
    tokens = openid.tokens("quiet", scope="openid", asked=((), ("name", "groups", "phone_number")))
    assert openid.userinfo(tokens["access_token"]).json().keys() == {"sub", "phone_number"}


def test_claims_that_only_the_login_knew(tmp_path: Path) -> None:
    openid = OpenId(tmp_path, users=False)
    known = {"email": "a@b.example", "name": "A", "birthdate": "1852-05-04", "sub": "x", "phone_number": "+1"}
    tokens = openid.tokens(scope="openid email offline_access", asked=((), ("birthdate",)), claims=known)
    told = {"sub": "alice", "email": "a@b.example", "birthdate": "1852-05-04"}
    assert openid.userinfo(tokens["access_token"]).json() == told
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    again = granted(openid.send("web", form))
    assert openid.userinfo(again["access_token"]).json() == told
    narrow = granted(openid.send("web", {**form, "scope": "openid"}))
    assert openid.userinfo(narrow["access_token"]).json() == {"sub": "alice", "birthdate": "1852-05-04"}
    assert "a@b.example" not in jwt.utils.base64url_decode(tokens["access_token"].split(".")[1]).decode()


def test_an_ordinary_token_carries_nothing_for_it(openid: OpenId) -> None:
    claims = jwt.decode(openid.tokens(scope=SCOPES)["access_token"], options={"verify_signature": False})
    assert "personal" not in claims


def test_signed(openid: OpenId) -> None:
    answer = openid.userinfo(openid.tokens("signed", scope="openid email")["access_token"])
    assert (answer.status, answer.headers["content-type"]) == (200, "application/jwt")
    text = answer.body.decode()
    assert jwt.get_unverified_header(text)["typ"] == "userinfo+jwt"
    options = {"verify_iat": False}
    claims = jwt.decode(text, openid.key(text), ["ES256"], audience="signed", issuer=ISSUER, options=options)
    assert claims == {
        "iss": ISSUER,
        "aud": "signed",
        "iat": NOW,
        "sub": "alice",
        "email": "alice@example.com",
        "email_verified": True,
    }


def test_a_person_who_is_gone(openid: OpenId) -> None:
    answer = openid.redeem(sub="bob", scope=SCOPES)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")


# --- refusals


def test_without_a_token(openid: OpenId) -> None:
    for answer in (openid.get("/userinfo"), openid.post("/userinfo")):
        assert (answer.status, answer.json()["error"]) == (401, "invalid_token")
        assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_without_the_scope(openid: OpenId) -> None:
    refused(openid.userinfo(openid.tokens(scope="read")["access_token"]), "insufficient_scope", 403)


def test_what_is_no_access_token(openid: OpenId) -> None:
    tokens = openid.tokens(scope="openid offline_access")
    for text in ("", "x", "é", tokens["id_token"], tokens["refresh_token"], tokens["access_token"] + "A", "." * 5000):
        refused(openid.userinfo(text))
    for scheme in ("Basic", "", "Token", "bearerx"):
        refused(openid.userinfo(tokens["access_token"], scheme))
    assert openid.userinfo(tokens["access_token"], "bEARER").status == 200


def test_a_clients_own_token(openid: OpenId) -> None:
    token = granted(openid.send("web", {"grant_type": "client_credentials"}))["access_token"]
    refused(openid.userinfo(token))


def test_one_that_has_expired(openid: OpenId) -> None:
    token = openid.tokens(scope="openid")["access_token"]
    openid.now += 600
    refused(openid.userinfo(token))


@pytest.mark.parametrize("client", ["web", "pair-a"])
@pytest.mark.parametrize("what", ["token", "family", "person", "client", "everything"])
def test_one_that_was_called_back(tmp_path: Path, client: str, what: str) -> None:
    """A pairwise subject too: the not-before is that of the person, who is not named in the token."""
    openid = OpenId(tmp_path)
    token = openid.tokens(client, scope="openid read", family="f" * 22)["access_token"]
    assert openid.userinfo(token).status == 200
    assert openid.seen(token)["active"]
    by = {"family": {"family": "f" * 22}, "person": {"subject": "alice"}, "client": {"client": client}}
    if what == "token":
        openid.post("/revoke", {"token": token}, basic(client, "secret"))
    else:
        asyncio.run(revoke_issued(openid.context.memory, openid.settings, openid.now, **by.get(what, {})))
    refused(openid.userinfo(token))
    assert openid.seen(token) == {"active": False}


def test_a_memory_that_cannot_be_asked(openid: OpenId) -> None:
    token = openid.tokens(scope="openid")["access_token"]
    memory = watched(openid)
    memory.down = True
    answer = openid.userinfo(token)
    assert (answer.status, answer.json()["error"]) == (503, "temporarily_unavailable")
    memory.down = False
    assert openid.userinfo(token).status == 200
    assert memory.verbs == ["get", "get"]


def test_a_bag_key_that_is_gone_takes_what_it_sealed_along(tmp_path: Path) -> None:
    openid = OpenId(tmp_path)
    token = openid.tokens("pair-a", scope="openid read")["access_token"]
    signing = [key for key in openid.context.snapshot.ring.keys if isinstance(key, SigningKey)]
    others = [key for key in rotate(Ring(), openid.settings.keys, NOW).keys if not isinstance(key, SigningKey)]
    snapshot = Snapshot(Ring([*signing, *others]), ISSUER)
    openid.app.runtime.context = openid.context._replace(snapshot=snapshot)
    refused(openid.userinfo(token))
    assert openid.seen(token) == {"active": False}


# --- the audience


def test_121_a_token_for_a_resource_that_was_named_is_not_for_userinfo(openid: OpenId) -> None:
    """A resource server could read a person's e-mail with the token that it was shown."""
    for named in ({"resources": (API,), "resource_named": True}, {"form": {"resource": API}}):
        tokens = openid.tokens(scope=SCOPES + " read", **named)
        assert openid.seen(tokens["access_token"])["aud"] == API
        refused(openid.userinfo(tokens["access_token"]), "invalid_token")
    tokens = openid.tokens(scope=SCOPES + " read")
    assert openid.seen(tokens["access_token"])["aud"] == [API, ISSUER]
    assert openid.userinfo(tokens["access_token"]).status == 200


def test_121_a_refresh_may_ask_for_a_token_for_the_resource_alone(openid: OpenId) -> None:
    tokens = openid.tokens(scope=SCOPES + " read")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    narrow = openid.send("web", {**form, "resource": API}).json()["access_token"]
    refused(openid.userinfo(narrow), "invalid_token")
    assert openid.userinfo(openid.send("web", form).json()["access_token"]).status == 200


def test_121_an_exchanged_token_is_not_for_userinfo(openid: OpenId) -> None:
    subject = openid.tokens(scope=SCOPES + " read")["access_token"]
    form = {"grant_type": EXCHANGE, "subject_token": subject, "subject_token_type": ACCESS_TOKEN, "resource": VAULT}
    refused(openid.userinfo(openid.send("gateway", form).json()["access_token"]), "insufficient_scope", 403)
