"""The answer to the client: where it goes, what the code holds, and what is spent for it (RFC 6749 4.1.2, RFC 9207)."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from service.bags.kinds import AuthorizationCode
from service.decisions.authorize.login_ticket import REPEATED
from service.decisions.decision import Action, FormPost
from service.memory import REVOKED
from service.protocol.digests import client_digest, uri_digest
from service.protocol.revocation_check import state_id
from tests.worlds.authorization_requests import LOOPBACK, PAYMENT, REDIRECT, details
from tests.worlds.built_in_pages import (
    WITH_APPLICATION,
    Browser,
    BuiltInPages,
    Hooked,
    answered,
    consent_page,
    login_page,
    shown,
    told,
)
from tests.worlds.dpop import Holder
from tests.worlds.identifiers import API, ISSUER, VAULT
from tests.worlds.pkce import CHALLENGE
from tests.worlds.watched_memory import watched

STATES = ["", "xyz", "a b+c&d=e%20#f?g", "é€😀", "<script>'\"", "x" * 300]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("mode", [None, "query", "form_post"])
def test_the_state_comes_back_as_it_was(alice: Browser, state: str, mode: str | None) -> None:
    fields = answered(alice.ask(state=state or None, response_mode=mode))
    assert fields.keys() == {"code", "iss"} | ({"state"} if state else set())
    assert (fields.get("state", ""), fields["iss"]) == (state, ISSUER)


def test_a_query_that_is_there_stays(alice: Browser) -> None:
    decision = alice.ask()
    assert decision.action is Action.LOCATION
    assert parse_qs(urlsplit(decision.answer).query)["tenant"] == ["1"]
    page = alice.ask(client_id="spa", redirect_uri=LOOPBACK.replace("1/", "1:3333/"))
    assert alice.answer(page).answer.startswith("http://127.0.0.1:3333/callback?code=")


def test_a_form_goes_to_the_redirect_uri_itself(alice: Browser) -> None:
    decision = alice.ask(response_mode="form_post")
    assert decision.action is Action.FORM
    assert isinstance(decision.answer, FormPost)
    assert decision.answer.url == REDIRECT
    assert alice.service.redeem(decision).status == 200


def test_what_the_code_holds(alice: Browser) -> None:
    service, jkt = alice.service, Holder().jkt
    wish = {"resource": [VAULT, API], "scope": "openid read vault", "nonce": "n-0S6", "dpop_jkt": jkt}
    code = service.opened(answered(alice.answer(alice.ask(**wish)))["code"], AuthorizationCode)
    assert (code.nonce, code.challenge, code.redirect_uri) == ("n-0S6", CHALLENGE, uri_digest(REDIRECT))
    assert (code.iat, code.exp) == (service.now, service.now + 60)
    grant = code.grant
    assert (grant.client, grant.sub, grant.scope) == (client_digest("web"), "u-1", "openid read vault")
    assert (grant.resources, grant.memory) == ((VAULT, API), service.context.memory.identity)
    assert (grant.auth_time, grant.acr, grant.amr) == (service.now - 60, "", ("pwd",))
    assert (grant.cnf, grant.authorization_details, grant.claims, grant.asked) == ({"jkt": jkt}, [], {}, ())


def test_a_redirect_uri_that_was_not_named_need_not_be_named_again(service: BuiltInPages) -> None:
    browser = Browser(service)
    decision = browser.through(redirect_uri=None, scope="read")
    code = service.opened(answered(decision)["code"], AuthorizationCode)
    assert code.redirect_uri == b""


def test_claims_only_where_openid_is_granted(tmp_path: Path) -> None:
    service = BuiltInPages(tmp_path / "outside", WITH_APPLICATION)
    browser = Browser(service)
    wish = {"claims": json.dumps({"userinfo": {"email": None, "name": None}, "id_token": {"nickname": None}})}
    location = browser.ask(scope="openid read email", **wish).answer
    assert service.grant(browser.get(service.verdict(location))).asked == (("nickname",), ("email", "name"))
    for scope, asked in (("openid read", (("nickname",), ("name",))), ("read email", ())):
        location = browser.ask(scope="openid read email", prompt="login", **wish).answer
        assert service.grant(browser.get(service.verdict(location, scope=scope))).asked == asked


# --- what is spent


def test_a_request_that_took_a_page_spends_its_ticket(alice: Browser) -> None:
    memory = watched(alice.service)
    page = alice.ask(scope="write")
    assert memory.verbs == ["get"]
    assert "code" in answered(alice.answer(page))
    assert memory.verbs == ["get", "get", "get", "put login"]
    (_, (id, _, until, _)) = memory.asked[-1]
    assert id.startswith("ticket:")
    assert until >= int(alice.service.now) + 900 + alice.service.config.keys.skew


def test_a_pushed_request_is_spent_when_it_is_answered(alice: Browser) -> None:
    service = alice.service
    uri = service.push(client="web")
    query = urlencode({"client_id": "web", "request_uri": uri})
    memory = watched(service)
    assert "code" in answered(alice.get(query))
    assert memory.verbs == ["get", "get", "put par"]
    assert shown(alice.get(query)) == ("invalid_request_uri", "answered before")


def test_a_refusal_without_a_page_uses_it_up_too(alice: Browser) -> None:
    """docs/front.md: the first answer uses the request_uri up, and an error is an answer."""
    nobody = Browser(alice.service)
    pushed = urlencode({"client_id": "web", "request_uri": alice.service.push(prompt="none")})
    assert told(nobody.get(pushed)) == "login_required"
    assert shown(alice.get(pushed)) == ("invalid_request_uri", "answered before")


def test_of_two_pages_of_one_pushed_request_one_is_answered(alice: Browser) -> None:
    query = urlencode({"client_id": "web", "request_uri": alice.service.push(scope="write")})
    one, two = alice.get(query), alice.get(query)
    alice.service.now += 500  # long after the request_uri has expired
    assert "code" in answered(alice.answer(two))
    assert shown(alice.answer(one)) == ("invalid_request", "pushed request replayed")


def test_the_last_second_of_a_page(alice: Browser) -> None:
    page = alice.ask(scope="write")
    alice.service.now += 899
    assert "code" in answered(alice.answer(page))
    other = alice.ask(client_id="other")
    alice.service.now += 900
    assert shown(alice.answer(other)) == ("invalid_request", "expired")


def test_nothing_is_minted_without_room_to_note_it(alice: Browser) -> None:
    memory = watched(alice.service)
    page = alice.ask(scope="write")
    memory.full.add("login")
    assert shown(alice.answer(page))[0] == "temporarily_unavailable"
    memory.full.clear()
    memory.down = True
    assert shown(alice.answer(page))[0] == "temporarily_unavailable"
    memory.down = False
    assert "code" in answered(alice.answer(page))


def test_a_memory_that_has_forgotten_refuses_what_it_cannot_know(alice: Browser) -> None:
    memory = watched(alice.service)
    page = alice.ask(scope="write")
    memory.forgot_until = int(alice.service.now) + 1
    assert shown(alice.answer(page)) == ("invalid_request", "the page was not made for this session")
    alice.service.now += 1
    again = alice.log_in(alice.ask(scope="write"))  # a session from before may have been called back
    assert "code" in answered(alice.answer(again))


def test_what_a_login_application_says_is_not_good_for_what_was_forgotten(tmp_path: Path) -> None:
    outside = BuiltInPages(tmp_path, WITH_APPLICATION)
    memory, browser = watched(outside), Browser(outside)
    asked = browser.ask().answer
    outside.now += 5
    memory.forgot_until = int(outside.now)
    assert shown(browser.get(outside.verdict(asked))) == ("invalid_request", "older than the memory")


def test_another_memory_refuses_the_page(alice: Browser, tmp_path: Path) -> None:
    service, page = alice.service, alice.ask(scope="write")
    other = BuiltInPages(tmp_path / "elsewhere")
    service.app.runtime.context = service.context._replace(memory=other.context.memory)
    assert shown(alice.answer(page)) == ("invalid_request", "wrong memory")


# --- lengths


def test_a_code_too_long_for_a_url_is_refused_to_the_client(service: BuiltInPages) -> None:
    service.told_by(Hooked(claims={"website": "w" * 950, "email": "of nobody's business"}))
    browser = Browser(service)
    page = browser.ask(state="s" * 300, scope="openid profile")
    memory = watched(service)
    assert told(browser.answer(browser.log_in(page))) == "invalid_request"
    assert "put login" not in memory.verbs
    done = browser.answer(browser.ask(response_mode="form_post", state="s" * 300, scope="openid profile"))
    assert service.grant(done).claims == {"website": "w" * 950}
    assert service.redeem(done).status == 200


def test_every_answer_fits_into_a_url(service: BuiltInPages) -> None:
    """With the longest state that is let through, for requests of several sizes."""
    browser = Browser(service)
    browser.through()
    for more in (
        {},
        {"authorization_details": details(*[PAYMENT] * 3)},
        {"nonce": "n" * 100, "resource": [API, VAULT]},
    ):
        fits, breaks = 0, 2000
        while breaks - fits > 1:
            chars = (fits + breaks) // 2
            fits, breaks = (chars, breaks) if browser.ask(state="s" * chars, **more).error is None else (fits, chars)
        assert fits >= 300
        decision = browser.ask(state="s" * fits, **more)
        if decision.action is Action.INTERACTION:
            decision = browser.answer(decision)
        assert "code" in answered(decision)
        assert len(decision.answer) <= 2000


def test_pages_of_different_requests_do_not_mix(alice: Browser) -> None:
    one: Any = alice.ask(client_id="other", state="one")
    two: Any = alice.ask(client_id="two", state="two", redirect_uri="https://app.example.com/back?tenant=1")
    assert consent_page(one).client.id == "other"
    assert answered(alice.answer(two))["state"] == "two"
    assert answered(alice.answer(one))["state"] == "one"
    login_page(Browser(alice.service).ask())


# --- a double click


def test_the_same_answer_again_gets_the_same_code(alice: Browser) -> None:
    """A browser shows the answer to the second click alone."""
    service, page = alice.service, alice.ask(scope="write")
    first = service.opened(answered(alice.answer(page))["code"], AuthorizationCode)
    service.now += REPEATED
    second = alice.answer(page)
    assert service.opened(answered(second)["code"], AuthorizationCode) == first
    assert service.redeem(second).status == 200
    service.now += 1
    assert shown(alice.answer(page)) == ("invalid_request", "ticket replayed")


def test_a_login_that_is_sent_twice_makes_one_session(alice: Browser) -> None:
    service, browser = alice.service, Browser(alice.service)
    page = browser.ask(client_id="own", scope="openid read")
    codes = []
    for _ in range(2):
        browser.session = ""  # the second click comes before the first answer
        codes.append(service.opened(answered(browser.log_in(page))["code"], AuthorizationCode))
        assert codes[-1].grant.sid == browser.signed_in.sid
    assert codes[0] == codes[1]


def test_a_denial_that_is_sent_twice(alice: Browser) -> None:
    page = alice.ask(scope="write")
    assert [told(alice.answer(page, "deny")) for _ in range(2)] == ["access_denied"] * 2
    assert shown(alice.answer(page))[0] == "invalid_request"


def test_a_session_that_has_ended_does_not_begin_again(alice: Browser) -> None:
    """The page of a login is still open when its session is logged out."""
    service, browser = alice.service, Browser(alice.service)
    page = browser.ask()
    browser.log_in(page)
    former = browser.signed_in.sid
    asyncio.run(service.context.memory.put(state_id(former), b"", int(service.now) + 99_999, REVOKED))
    assert "code" in answered(browser.answer(browser.log_in(page)))
    assert browser.signed_in.sid != former
