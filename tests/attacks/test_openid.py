"""Attacks 31, 62 and 66 at /userinfo, logout across sites, open redirects: what is tried with OpenID Connect."""

import asyncio
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
import pytest

from satchel_jose.base64url import encode
from service.bags.kinds import KINDS, AccessToken, PersonalClaims
from service.decisions.decision import Action
from service.decisions.form_request import FormRequest
from service.decisions.pages import LogoutPage
from service.decisions.resource_server.revoke import revoke_issued
from service.decisions.resource_server.userinfo import decide_userinfo
from tests.worlds.dpop import Holder
from tests.worlds.http import Answer, basic, granted
from tests.worlds.identifiers import API, ISSUER, VAULT
from tests.worlds.openid import AFTER, OpenId
from tests.worlds.satchel import NOW

USERINFO = ISSUER + "/userinfo"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> OpenId:
    return OpenId(tmp_path_factory.mktemp("openid"))


@pytest.fixture
def openid(service: OpenId) -> Iterator[OpenId]:
    yield service
    service.now = float(NOW)


def refused(answer: Answer, error: str = "invalid_token") -> None:
    assert (answer.status, answer.json()["error"]) == (401, error), answer.body
    assert answer.headers["www-authenticate"].startswith(("Bearer ", "DPoP "))


def ath(token: str) -> str:
    return encode(sha256(token.encode()).digest()).decode()


def bound(openid: OpenId, holder: Holder) -> str:
    return str(openid.tokens(dpop=holder.proof(NOW), scope="openid email")["access_token"])


# --- 66


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_66_the_holder_of_the_key(openid: OpenId, method: str) -> None:
    holder = Holder()
    token = bound(openid, holder)
    proof = holder.proof(NOW, USERINFO, htm=method, ath=ath(token))
    assert openid.userinfo(token, "DPoP", method, DPoP=proof).json()["email"] == "alice@example.com"
    refused(openid.userinfo(token, "DPoP", method, DPoP=proof), "invalid_dpop_proof")  # once


@pytest.mark.parametrize("wrong", [None, "", "x", 1, [], "other", "padded"])
def test_66_ath_missing_or_wrong(openid: OpenId, wrong: Any) -> None:
    holder = Holder()
    token = bound(openid, holder)
    if wrong == "other":
        wrong = ath(bound(openid, holder))
    elif wrong == "padded":
        wrong = ath(token) + "="
    refused(
        openid.userinfo(token, "DPoP", DPoP=holder.proof(NOW, USERINFO, htm="GET", ath=wrong)), "invalid_dpop_proof"
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"htm": "POST"},
        {"htm": "get"},
        {"htu": ISSUER + "/token"},
        {"htu": ISSUER},
        {"iat": NOW - 200},
        {"iat": NOW + 90},
    ],
)
def test_66_a_proof_for_something_else(openid: OpenId, claims: dict[str, Any]) -> None:
    holder = Holder()
    token = bound(openid, holder)
    proof = holder.proof(NOW, **{"url": USERINFO, "htm": "GET", "ath": ath(token), **claims})
    refused(openid.userinfo(token, "DPoP", DPoP=proof), "invalid_dpop_proof")


def test_66_a_bound_token_as_bearer(openid: OpenId) -> None:
    holder = Holder()
    token = bound(openid, holder)
    proof = holder.proof(NOW, USERINFO, htm="GET", ath=ath(token))
    refused(openid.userinfo(token))
    refused(openid.userinfo(token, DPoP=proof))
    refused(openid.post("/userinfo", {"access_token": token}))
    refused(openid.userinfo(token, "DPoP"))


def test_66_another_key(openid: OpenId) -> None:
    token, thief = bound(openid, Holder()), Holder()
    refused(openid.userinfo(token, "DPoP", DPoP=thief.proof(NOW, USERINFO, htm="GET", ath=ath(token))))


def test_66_a_bearer_token_with_a_proof(openid: OpenId) -> None:
    token = openid.tokens(scope="openid")["access_token"]
    refused(openid.userinfo(token, "DPoP", DPoP=Holder().proof(NOW, USERINFO, htm="GET", ath=ath(token))))


def test_66_two_headers(openid: OpenId) -> None:
    holder = Holder()
    token = bound(openid, holder)
    proofs = [("DPoP", holder.proof(NOW, USERINFO, htm="GET", ath=ath(token))) for _ in range(2)]
    answer = openid.request("GET", "/userinfo", headers=[("Authorization", f"DPoP {token}"), *proofs])
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_67_a_stale_or_forged_nonce(openid: OpenId) -> None:
    holder = Holder()
    token = bound(openid, holder)

    def send(nonce: str) -> Answer:
        proof = holder.proof(NOW, USERINFO, htm="GET", ath=ath(token), nonce=nonce)
        return openid.userinfo(token, "DPoP", DPoP=proof)

    first = send("forged")
    refused(first, "use_dpop_nonce")
    assert send(first.headers["dpop-nonce"]).status == 200


def test_66_a_certificate_that_is_not_shown(openid: OpenId) -> None:
    token = AccessToken(
        iss=ISSUER,
        jti="t.1",
        iat=NOW,
        exp=NOW + 60,
        sub="alice",
        client_id="web",
        aud=(API, ISSUER),
        scope="openid",
        cnf={"x5t#S256": ath("certificate")},
    )
    text = openid.context.snapshot.sign(token, "ES256", NOW)
    refused(openid.userinfo(text))
    refused(openid.userinfo(text, **{"Client-Cert": ":Y2VydGlmaWNhdGU=:"}))  # nobody vouches for it
    shown = FormRequest(b"", f"Bearer {text}", certificate=b"certificate", method="GET")
    assert asyncio.run(decide_userinfo(openid.context, shown, NOW)).answer == {"sub": "alice"}
    other = asyncio.run(decide_userinfo(openid.context, shown._replace(certificate=b"another"), NOW))
    assert other.error is not None
    assert other.error.code == "invalid_token"


# --- 63: a token that follows from one with a pseudonym


def test_63_an_exchange_keeps_the_pseudonym_and_what_calls_it_back(tmp_path: Path) -> None:
    openid = OpenId(tmp_path)
    first = openid.tokens("pair-a", scope="openid read")["access_token"]
    exchange = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": first,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "audience": VAULT,
        "scope": "vault",
    }
    second = granted(openid.send("gateway", exchange))["access_token"]
    seen = openid.seen(second)
    assert seen["sub"] == openid.seen(first)["sub"] != "alice"
    assert "personal" not in seen
    assert openid.userinfo(second).status == 403
    asyncio.run(revoke_issued(openid.context.memory, openid.settings, NOW, subject="alice"))
    assert openid.seen(second) == {"active": False}
    assert openid.send("gateway", exchange).json()["error"] == "invalid_request"


# --- 31, 62: ID tokens and their kin are good for nothing else


def test_62_an_id_token_as_an_access_token(openid: OpenId) -> None:
    text = openid.tokens()["id_token"]
    refused(openid.userinfo(text))
    assert openid.seen(text) == {"active": False}
    before = openid.userinfo(text).status
    openid.post("/revoke", {"token": text}, basic("web", "secret"))
    assert openid.userinfo(text).status == before == 401


def test_62_an_id_token_as_an_assertion_or_a_credential(openid: OpenId) -> None:
    text = openid.tokens()["id_token"]
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    for form in (
        {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": text},
        {"grant_type": "refresh_token", "refresh_token": text},
        {"grant_type": "authorization_code", "code": text},
    ):
        assert openid.send("web", form).status == 400
    assertion = {"grant_type": "client_credentials", "client_assertion_type": kind, "client_assertion": text}
    assert openid.post("/token", assertion).status == 401


def test_31_what_is_signed_for_others_opens_nowhere(openid: OpenId) -> None:
    """Userinfo answers, logout tokens, introspection answers: each has a `typ` of its own."""
    session, cookie = openid.session("web")
    openid.told.clear()
    openid.logout(cookie, id_token_hint=openid.id_token(session), post_logout_redirect_uri=AFTER)
    token = openid.tokens("signed", scope="openid read")["access_token"]
    accept = {"Accept": "application/token-introspection+jwt"}
    signed = [
        openid.told[0][1]["logout_token"],
        openid.userinfo(token).body.decode(),
        openid.post("/introspect", {"token": token}, {**basic("rs", "secret"), **accept}).body.decode(),
    ]
    types = {jwt.get_unverified_header(text)["typ"] for text in signed}
    assert types == {"logout+jwt", "userinfo+jwt", "token-introspection+jwt"}
    _, other = openid.session("web")
    for text in signed:
        refused(openid.userinfo(text))
        assert openid.seen(text) == {"active": False}
        decision = openid.logout(other, id_token_hint=text, post_logout_redirect_uri=AFTER)
        assert isinstance(decision.answer, LogoutPage)


def test_31_what_a_token_carries_for_us_cannot_be_used_alone(openid: OpenId) -> None:
    access = openid.tokens("pair-a", scope="openid read")["access_token"]
    sealed = jwt.decode(access, options={"verify_signature": False})["personal"]
    snapshot = openid.context.snapshot
    assert snapshot.open(sealed, (PersonalClaims,), NOW).sub == "alice"
    for kind in KINDS:
        if kind is not PersonalClaims:
            with pytest.raises(Exception, match="rejected"):
                snapshot.open(sealed, (kind,), NOW)
    refused(openid.userinfo(sealed))
    assert openid.seen(sealed) == {"active": False}


# --- logout across sites


def test_a_link_with_the_attackers_id_token_asks(openid: OpenId) -> None:
    mallory, _ = openid.session("web", sub="mallory")
    _, cookie = openid.session("web")
    hint = openid.id_token(mallory)
    decision = openid.logout(cookie, id_token_hint=hint, post_logout_redirect_uri=AFTER)
    assert isinstance(decision.answer, LogoutPage)
    assert decision.session is None


def test_a_form_posted_across_sites_touches_no_cookie_and_no_other_session(openid: OpenId) -> None:
    """It comes without cookies, and the answer to it must not drop them."""
    mallory, _ = openid.session("web", sub="mallory")
    _, cookie = openid.session("web")
    decision = openid.logout(id_token_hint=openid.id_token(mallory), post_logout_redirect_uri=AFTER)
    assert (decision.action, decision.session, decision.browser) == (Action.LOCATION, None, None)
    assert isinstance(openid.logout(cookie, openid.browser()).answer, LogoutPage)  # she is logged in as before


def test_the_attackers_page_cannot_be_confirmed_by_the_victim(openid: OpenId) -> None:
    decision = openid.logout(browser=openid.browser())
    assert isinstance(decision.answer, LogoutPage)
    _, cookie = openid.session("web")
    assert openid.confirm(decision.answer.ticket, cookie, openid.browser()).action is Action.BAD_REQUEST


@pytest.mark.parametrize(
    "uri", ["https://evil.example.com", "javascript:alert(1)", "data:text/html,x", AFTER + "@evil"]
)
def test_45_no_open_redirect(openid: OpenId, uri: str) -> None:
    session, cookie = openid.session("web")
    for hint in (openid.id_token(session), "", "x"):
        for client in ({}, {"client_id": "web"}):
            decision = openid.logout(cookie, id_token_hint=hint, post_logout_redirect_uri=uri, **client)
            assert decision.action in (Action.BAD_REQUEST, Action.INTERACTION)
            assert uri not in json.dumps(str(decision.answer))


def test_91_nothing_secret_is_logged(openid: OpenId) -> None:
    _, cookie = openid.session("web")
    tokens = openid.tokens("pair-a", scope="openid offline_access email", nonce="the-nonce")
    openid.userinfo(tokens["access_token"])
    openid.userinfo(tokens["id_token"])
    openid.logout(cookie, id_token_hint=tokens["id_token"])
    log = b"".join(openid.lines).decode()
    for secret in (*tokens.values(), cookie, "the-nonce", "alice@example.com"):
        assert not isinstance(secret, str) or len(secret) < 8 or secret not in log
    assert "pairwise_salt" not in repr(openid.settings.openid)
