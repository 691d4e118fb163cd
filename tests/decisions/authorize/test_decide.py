"""What a browser is answered at /authorize: at once, with a page, or by the client (OpenID Connect Core 3.1.2)."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from service.bags.kinds import Login, LoginTicket
from service.clients.registry import Registry
from service.decisions.decision import Action
from service.memory import REVOKED
from service.protocol.revocation_check import state_id
from service.protocol.subject import subject
from tests.worlds.authorization_requests import REDIRECT, details
from tests.worlds.built_in_pages import (
    APPLICATION,
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
from tests.worlds.watched_memory import watched


def demanded(**claims: Any) -> str:
    return json.dumps({"id_token": claims})


# --- single sign-on


def test_a_known_person_is_answered_at_once(alice: Browser) -> None:
    family, sid = alice.service.grant(alice.ask()).family, alice.signed_in.sid
    grant = alice.service.grant(alice.ask(state="other"))
    assert (grant.sub, grant.auth_time) == ("u-1", int(alice.service.now) - 60)
    assert grant.family != family
    assert (grant.sid, family[: len(sid)]) == (sid, sid)


def test_it_costs_one_read_and_no_write(alice: Browser) -> None:
    memory = watched(alice.service)
    assert "code" in answered(alice.ask())
    assert "code" in answered(alice.ask(prompt="none"))
    assert memory.verbs == ["get", "get"]


def test_without_a_session_the_memory_is_not_asked(service: BuiltInPages) -> None:
    memory = watched(service)
    login_page(Browser(service).ask())
    assert told(Browser(service).ask(prompt="none")) == "login_required"
    assert memory.verbs == []


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c.d.e", "ä"])
def test_a_cookie_that_is_no_session_counts_as_none(service: BuiltInPages, cookie: str) -> None:
    browser = Browser(service)
    browser.session = cookie
    login_page(browser.ask())


def test_a_session_ends(alice: Browser) -> None:
    service = alice.service
    service.now = alice.signed_in.exp - 1
    first = alice.signed_in.exp
    assert "code" in answered(alice.ask())
    assert alice.signed_in.exp == first  # however often it is used
    service.now += 1
    login_page(alice.ask())


def test_a_session_that_was_logged_out_is_none(alice: Browser) -> None:
    entry = state_id(alice.signed_in.sid)
    asyncio.run(
        alice.service.context.memory.put(entry, b"", int(alice.service.now) + 99_999, REVOKED, use="revocation")
    )
    login_page(alice.ask())
    assert told(alice.ask(prompt="none")) == "login_required"


@pytest.mark.parametrize("entry", ["nbf:all", "nbf:sub:u-1"])
def test_a_not_before_ends_sessions(alice: Browser, entry: str) -> None:
    now = int(alice.service.now)
    asyncio.run(alice.service.context.memory.put(entry, b"", now + 99_999, now, use="operator"))
    login_page(alice.ask())
    alice.service.now += 1
    assert "code" in answered(alice.log_in(alice.ask(client_id="own")))


# --- what the client may want of a login


@pytest.mark.parametrize("wish", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}])
def test_whoever_wants_a_new_login_gets_one(alice: Browser, wish: dict[str, str]) -> None:
    page = alice.ask(**wish)
    alice.service.now += 5
    grant = alice.service.grant(alice.log_in(page))
    assert grant.auth_time == alice.service.now
    login_page(alice.ask(**wish))


def test_even_within_the_second_of_the_last(service: BuiltInPages) -> None:
    browser = Browser(service)
    browser.through()
    login_page(browser.ask(prompt="login"))
    login_page(browser.ask(max_age="0"))


def test_max_age_counts_from_the_login(alice: Browser) -> None:
    assert "code" in answered(alice.ask(max_age="60"))
    login_page(alice.ask(max_age="59"))
    assert told(alice.ask(max_age="59", prompt="none")) == "login_required"


def test_a_login_may_be_timed_by_a_clock_that_is_behind(alice: Browser) -> None:
    page = alice.ask(prompt="login")
    alice.service.now -= 30
    assert "code" in answered(alice.log_in(page))
    assert alice.signed_in.login.auth_time == alice.service.now


def hint(service: BuiltInPages, sub: str) -> str:
    claims = {"iss": "https://as.example.com", "sub": sub, "aud": "web", "iat": 1, "exp": 2}
    return service.context.snapshot.sign_claims("JWT", json.dumps(claims).encode(), "RS256", service.now)


def wanting(service: BuiltInPages, sub: str) -> list[dict[str, str]]:
    """Two ways to want somebody."""
    return [{"id_token_hint": hint(service, sub)}, {"claims": demanded(sub={"value": sub})}]


def test_somebody_who_is_wanted(alice: Browser) -> None:
    for wish in wanting(alice.service, "u-1"):
        assert "code" in answered(alice.ask(**wish))
    for wish in wanting(alice.service, "u-2"):
        assert told(alice.ask(**wish, prompt="none")) == "login_required"
        page = alice.ask(**wish)
        assert told(alice.log_in(page, "alice")) == "login_required"
        assert "code" in answered(alice.answer(alice.log_in(alice.ask(**wish), "bob")))
        alice.session = ""
        consent_page(alice.log_in(alice.ask(), "alice"))


def test_somebody_who_is_known_by_a_pseudonym(alice: Browser) -> None:
    service = alice.service
    client = service.context.registry.clients.find("pair")
    assert client is not None
    consent_page(alice.ask(client_id="pair", claims=demanded(sub={"value": subject("u-1", client, service.config)})))
    for other in ("u-1", subject("u-2", client, service.config)):
        login_page(alice.ask(client_id="pair", claims=demanded(sub={"value": other})))


def test_a_context_that_is_essential(alice: Browser) -> None:
    wish = {"claims": demanded(acr={"essential": True, "values": ["gold", "silver"]})}
    assert told(alice.ask(**wish, prompt="none")) == "login_required"
    assert told(alice.log_in(alice.ask(**wish))) == "unmet_authentication_requirements"
    alice.service.told_by(Hooked(acr="silver"))
    assert alice.service.grant(alice.log_in(alice.ask(**wish))).acr == "silver"
    assert "code" in answered(alice.ask(**wish))
    login_page(alice.ask(claims=demanded(acr={"essential": True, "value": "gold"})))


@pytest.mark.parametrize("acr", [{"values": ["gold"]}, {"essential": True}, None])
def test_a_context_that_is_not(alice: Browser, acr: Any) -> None:
    assert "code" in answered(alice.ask(claims=demanded(acr=acr), acr_values="gold"))


# --- prompt=none


def test_nothing_is_shown_to_whoever_wants_nothing_shown(service: BuiltInPages, alice: Browser) -> None:
    assert told(Browser(service).ask(prompt="none")) == "login_required"
    assert told(alice.ask(prompt="none", client_id="other")) == "consent_required"
    assert told(alice.ask(prompt="none", scope="openid read write")) == "consent_required"
    assert "code" in answered(alice.ask(prompt="none"))


def test_an_error_has_the_state_too(service: BuiltInPages) -> None:
    decision = Browser(service).ask(prompt="none", state="a b&c=d/é", response_mode="form_post")
    assert answered(decision)["state"] == "a b&c=d/é"
    assert decision.client_id == "web"


# --- refusals


def test_whom_a_refusal_is_told(service: BuiltInPages) -> None:
    browser = Browser(service)
    assert shown(browser.ask(client_id="nobody"))[0] == "invalid_request"
    assert shown(browser.ask(redirect_uri=REDIRECT + "/"))[0] == "invalid_request"
    assert told(browser.ask(response_type="token")) == "unsupported_response_type"
    assert told(browser.ask(scope="shoes")) == "invalid_scope"
    assert (browser.session, browser.browser) == ("", "")


def test_without_a_memory_the_client_is_told(alice: Browser) -> None:
    watched(alice.service).down = True
    assert told(alice.ask()) == "temporarily_unavailable"
    assert told(Browser(alice.service).ask()) == "temporarily_unavailable"  # nobody would know whether it was used
    assert told(Browser(alice.service).ask(prompt="none")) == "login_required"


def test_a_longest_request_finds_its_way(service: BuiltInPages) -> None:
    browser = Browser(service)
    page = browser.ask(response_mode="form_post", state="s" * 3000)
    assert len(login_page(page).ticket) < 8192
    assert answered(browser.answer(browser.log_in(page)))["state"] == "s" * 3000


# --- a login application


@pytest.fixture
def outside(tmp_path: Path) -> BuiltInPages:
    return BuiltInPages(tmp_path / "outside", WITH_APPLICATION)


def sent(service: BuiltInPages, decision: Any) -> LoginTicket:
    """The ticket that the login application is given."""
    assert decision.action is Action.LOCATION
    assert decision.answer.startswith(APPLICATION + "?ticket=")
    assert len(decision.answer) <= 2000
    return service.opened(parse_qs(urlsplit(decision.answer).query)["ticket"][0], LoginTicket)


def test_a_login_application_has_the_say(outside: BuiltInPages) -> None:
    browser = Browser(outside)
    decision = browser.ask(scope="openid read write")
    ticket = sent(outside, decision)
    assert (ticket.request.state, ticket.sub, ticket.session) == ("xyz", "", "")
    outside.now += 5
    verdict = outside.verdict(decision.answer, scope="openid read")
    grant = outside.grant(browser.get(verdict))
    assert (grant.sub, grant.scope, grant.acr, grant.amr) == ("u-1", "openid read", "silver", ("otp",))
    assert grant.auth_time == outside.now
    assert "code" in answered(browser.ask(scope="read"))  # single sign-on, for what was granted
    assert outside.redeem(browser.ask(scope="read")).status == 200


@pytest.mark.parametrize(
    "wish",
    [{"acr_values": "gold"}, {"claims": '{"id_token": {"acr": {"values": ["gold", "platinum"]}}}'}],
)
def test_it_is_asked_for_a_login_that_is_preferred(outside: BuiltInPages, wish: dict[str, str]) -> None:
    """OpenID Connect Core sections 3.1.2.1 and 5.5.1.1: what it finds will do, since it is a voluntary claim."""
    browser = Browser(outside)
    outside.grant(browser.get(outside.verdict(browser.ask().answer)))
    sid, decision = browser.signed_in.sid, browser.ask(**wish)
    assert (sent(outside, decision).session, sent(outside, decision).sub) == (sid, "u-1")
    assert outside.grant(browser.ask(**wish, prompt="none")).acr == "silver"
    assert outside.grant(browser.get(outside.verdict(decision.answer))).acr == "silver"
    gold = Login("u-1", int(outside.now), "gold")
    assert outside.grant(browser.get(outside.verdict(browser.ask(**wish).answer, login=gold))).acr == "gold"
    assert outside.grant(browser.ask(**wish)).acr == "gold"
    assert outside.grant(browser.ask(acr_values="silver gold")).acr == "gold"
    assert browser.signed_in.sid == sid  # the same person's, so that those it has served are told of a logout


def test_it_is_asked_for_consent_too_and_may_keep_the_session(outside: BuiltInPages) -> None:
    browser = Browser(outside)
    browser.get(outside.verdict(browser.ask().answer))
    sid = browser.signed_in.sid
    decision = browser.ask(client_id="other")
    ticket = sent(outside, decision)
    assert (ticket.session, ticket.sub) == (sid, "u-1")
    assert "code" in answered(browser.get(outside.verdict(decision.answer)))
    assert browser.signed_in.sid == sid
    assert len(browser.signed_in.clients) == 2
    browser.get(outside.verdict(browser.ask(scope="openid read write").answer, sub="u-2"))
    assert browser.signed_in.sid != sid
    assert (browser.signed_in.login.sub, len(browser.signed_in.clients)) == ("u-2", 1)


def test_implicit_consent_is_no_way_around_it(outside: BuiltInPages) -> None:
    browser = Browser(outside)
    browser.get(outside.verdict(browser.ask().answer))
    decision = browser.ask(client_id="own", scope="openid read write")
    sent(outside, decision)
    browser.get(outside.verdict(decision.answer, scope="openid read"))
    sent(outside, browser.ask(client_id="own", scope="openid read write"))
    assert "code" in answered(browser.ask(client_id="own", scope="openid read"))


def test_it_says_no(outside: BuiltInPages) -> None:
    browser = Browser(outside)
    for error in ("access_denied", "login_required", "server_error"):
        verdict = outside.verdict(browser.ask().answer, login=None, error=error)
        assert told(browser.get(verdict)) == error
        assert told(browser.get(verdict)) == error
        outside.now += 11
        again = browser.get(verdict)
        assert again.error is not None
        assert again.error.reason == "ticket replayed"
    assert browser.session == ""


def test_what_it_says_is_void_after_a_not_before(outside: BuiltInPages) -> None:
    browser = Browser(outside)
    verdict = outside.verdict(browser.ask().answer)
    outside.now += 10
    memory = outside.context.memory
    asyncio.run(memory.put("nbf:sub:u-1", b"", int(outside.now) + 100_000, int(outside.now), use="operator"))
    outside.now += 10
    refused = browser.get(verdict)
    assert refused.error is not None
    assert refused.error.reason == "the verdict was revoked"


def test_a_registration_that_has_changed_meanwhile(outside: BuiltInPages) -> None:
    replace, before = msgspec.structs.replace, outside.context
    for changed in ({"redirect_uris": ("https://app.example.com/new",)}, {"scopes": ()}, {"grants": ()}):
        browser = Browser(outside)
        verdict = outside.verdict(browser.ask(scope="read").answer)
        config = before.registry.config
        clients = tuple(replace(client, **changed) for client in config.clients)
        outside.app.runtime.context = before._replace(registry=Registry(replace(config, clients=clients)))
        refused = browser.get(verdict)
        outside.app.runtime.context = before
        assert refused.error is not None
        assert refused.error.reason == "the client's registration has changed"


def test_what_it_knows_goes_along(outside: BuiltInPages) -> None:
    browser = Browser(outside)
    login = Login("u-1", int(outside.now), claims={"name": "Alice", "email": "alice@example.com", "groups": ["a", "b"]})
    location = browser.ask(scope="openid email", claims=json.dumps({"userinfo": {"groups": None}})).answer
    grant = outside.grant(browser.get(outside.verdict(location, login=login)))
    assert grant.claims == {"email": "alice@example.com", "groups": ["a", "b"]}  # what this client has been granted
    assert outside.grant(browser.ask(scope="openid")).claims == {}
    assert outside.grant(browser.ask(scope="email")).claims == {}


def test_details_may_be_fewer(outside: BuiltInPages) -> None:
    browser, one, two = Browser(outside), {"type": "accounts"}, {"type": "accounts", "identifier": "2"}
    decision = browser.ask(authorization_details=details(one, two))
    done = browser.get(outside.verdict(decision.answer, authorization_details=[two]))
    assert outside.grant(done).authorization_details == [two]


def test_a_ticket_too_long_for_a_url_is_refused_with_a_page(outside: BuiltInPages) -> None:
    fits, breaks = 100, 1500
    while breaks - fits > 1:
        chars = (fits + breaks) // 2
        decision = Browser(outside).ask(response_mode="form_post", state="s" * chars)
        fits, breaks = (chars, breaks) if decision.error is None else (fits, chars)
    assert len(Browser(outside).ask(response_mode="form_post", state="s" * fits).answer) in range(1995, 2001)
    code, reason = shown(Browser(outside).ask(response_mode="form_post", state="s" * breaks))
    assert (code, "too long" in reason) == ("invalid_request", True)


def test_a_parameter_called_resume_of_a_client_means_nothing(service: BuiltInPages) -> None:
    login_page(Browser(service).ask(resume="anything"))


def test_a_session_holds_no_id_of_a_client(outside: BuiltInPages) -> None:
    browser = Browser(outside)
    for sub in ("web", "", "s" * 256):
        assert shown(browser.get(outside.verdict(browser.ask().answer, sub=sub)))[0] == "server_error"
    assert browser.session == ""
