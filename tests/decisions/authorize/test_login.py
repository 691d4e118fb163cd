"""Logging in with a password on the built-in page."""

from pathlib import Path
from typing import Any

import jwt
import pytest

from service.bags.kinds import LoginTicket
from service.web.request_log import AuditLine, Line
from tests.worlds.authorization_requests import REDIRECT
from tests.worlds.built_in_pages import (
    WITH_APPLICATION,
    Browser,
    BuiltInPages,
    Hooked,
    answered,
    consent_page,
    login_page,
    shown,
)
from tests.worlds.watched_memory import watched

WITH_BACKCHANNEL = f"""
[[clients]]
id = "told"
redirect_uris = ["{REDIRECT}"]
grants = ["authorization_code"]
scopes = ["read", "openid"]
backchannel_logout_uri = "https://told.example.com/out"
secrets = [{{ sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" }}]
"""


@pytest.fixture
def service(tmp_path: Path) -> BuiltInPages:
    return BuiltInPages(tmp_path / "login", "[login]\nfailures_per_user = 3\nfailures_per_address = 5\n")


def test_the_right_password_makes_a_session(service: BuiltInPages) -> None:
    browser = Browser(service)
    page = browser.ask(login_hint="alice@example.com")
    assert (login_page(page).username, login_page(page).client.id, login_page(page).fault) == (
        "alice@example.com",
        "web",
        "",
    )
    assert browser.session == ""
    service.now += 20
    decision = browser.log_in(page)
    consent_page(decision)
    session = browser.signed_in
    assert (session.login.sub, session.login.auth_time, session.login.amr) == ("u-1", service.now, ("pwd",))
    assert (session.iat, session.exp, session.clients) == (service.now, service.now + 43_200, ())
    assert (decision.subject, decision.client_id) == ("u-1", "web")


@pytest.mark.parametrize(
    ("username", "password"), [("alice", "x"), ("nobody", "wonderland"), ("", "wonderland"), ("alice", ""), ("", "")]
)
def test_a_wrong_one_shows_the_page_again(service: BuiltInPages, username: str, password: str) -> None:
    browser = Browser(service)
    page = browser.ask()
    again = browser.log_in(page, username, password)
    assert login_page(again)._replace(fault="") == login_page(page)._replace(username=username)
    assert login_page(again).fault == "The user name or the password is wrong."
    assert again.note  # for the log
    assert browser.session == ""
    assert "code" in answered(browser.answer(browser.log_in(again)))


def test_guessing_is_slowed_by_name_from_wherever(service: BuiltInPages) -> None:
    page = (browser := Browser(service)).ask()
    for n in range(4):
        browser.address = f"192.0.2.{n}"
        decision = browser.log_in(page, "alice", f"guess {n}")
    assert "wrong" in login_page(decision).fault  # the first of the slow ones is heard
    slowed = browser.log_in(page)
    assert "Wait" in login_page(slowed).fault
    assert browser.session == ""
    consent_page(browser.log_in(page, "bob"))
    service.now += 31
    consent_page(browser.log_in(page))


def test_and_by_address_whatever_the_name(service: BuiltInPages) -> None:
    page = (browser := Browser(service)).ask()
    for n in range(6):
        browser.log_in(page, f"user {n}", "guess")
    assert "Wait" in login_page(browser.log_in(page)).fault
    browser.address = "198.51.100.1"
    consent_page(browser.log_in(page))


def test_a_full_class_of_failures_is_no_way_in(service: BuiltInPages) -> None:
    memory = watched(service)
    memory.full.add("throttle")
    browser = Browser(service)
    page = browser.ask()
    assert shown(browser.log_in(page, "alice", "guess"))[0] == "temporarily_unavailable"
    consent_page(browser.log_in(page))


def test_the_same_person_goes_on_with_the_session(service: BuiltInPages) -> None:
    browser = Browser(service)
    assert "code" in answered(browser.through())
    former = browser.signed_in
    service.now += 60
    assert "code" in answered(browser.log_in(browser.ask(prompt="login")))  # what was granted stays granted
    session = browser.signed_in
    assert (session.sid, session.clients) == (former.sid, former.clients)
    assert (session.login.auth_time, session.iat, session.exp) == (service.now, service.now, service.now + 43_200)
    assert session.jti != former.jti


def test_two_tabs_of_one_person(service: BuiltInPages) -> None:
    """The login of the second tab leaves the consent page of the first as it is, even without the first's cookie."""
    browser = Browser(service)
    first, second = browser.ask(), browser.ask(client_id="other")
    first = browser.log_in(first)
    browser.session = ""  # the request was sent before the cookie came
    second = browser.log_in(second)
    assert "code" in answered(browser.answer(first))
    assert "code" in answered(browser.answer(second))


def test_another_session_must_meet_the_request_too(service: BuiltInPages) -> None:
    browser = Browser(service)
    browser.log_in(browser.ask())
    old = browser.session
    service.now += 1000
    browser.session = ""
    page = browser.log_in(browser.ask(client_id="other", prompt="login"))
    browser.session = old
    assert shown(browser.answer(page)) == ("invalid_request", "the page was not made for this session")


def test_another_person_ends_the_session_and_its_clients_are_told(tmp_path: Path) -> None:
    service = BuiltInPages(tmp_path, WITH_BACKCHANNEL)
    told: list[tuple[str, dict[str, Any]]] = []

    async def notify(url: str, form: dict[str, str]) -> bool:
        told.append((url, jwt.decode(form["logout_token"], options={"verify_signature": False})))
        return True

    service.app.runtime.context = service.context._replace(ports=service.context.ports._replace(notify=notify))
    browser = Browser(service)
    assert "code" in answered(browser.through(client_id="told"))
    former, cookie = browser.signed_in, browser.session
    browser.log_in(browser.ask(prompt="login"), "alice")
    assert told == []
    page = browser.log_in(browser.ask(prompt="login"), "bob")
    assert [(url, claims["sub"], claims["sid"]) for url, claims in told] == [
        ("https://told.example.com/out", "u-1", former.sid)
    ]
    assert "code" in answered(browser.answer(page))
    assert (browser.signed_in.login.sub, len(browser.signed_in.clients)) == ("u-2", 1)
    assert browser.signed_in.sid != former.sid
    browser.session = cookie
    login_page(browser.ask())  # nobody is logged in with the former cookie any more


def test_a_login_whose_predecessor_cannot_be_ended_is_refused(service: BuiltInPages) -> None:
    browser, memory = Browser(service), watched(service)
    assert "code" in answered(browser.through())
    page, cookie = browser.ask(prompt="login"), browser.session
    memory.full.add("revocation")
    assert shown(browser.log_in(page, "bob"))[0] == "temporarily_unavailable"
    assert browser.session == cookie


def test_the_ticket_keeps_its_id_and_its_time(service: BuiltInPages) -> None:
    browser = Browser(service)
    page = browser.ask()
    service.now += 100
    before, after = (
        service.opened(text, LoginTicket)
        for text in (login_page(page).ticket, consent_page(browser.log_in(page)).ticket)
    )
    assert (before.jti, before.iat, before.exp) == (after.jti, after.iat, after.exp)
    assert (after.session, after.sub) == (browser.signed_in.sid, "u-1")


@pytest.mark.parametrize(
    "members",
    [
        {"sub": "web"},
        {"sub": ""},
        {"sub": "u" * 256},
        {"claims": {"bio": "x" * 1000}},
        {"claims": {"what": object()}},
    ],
)
def test_people_that_no_session_can_hold(service: BuiltInPages, members: dict[str, object]) -> None:
    service.told_by(Hooked(**members))
    browser = Browser(service)
    code, reason = shown(browser.log_in(browser.ask()))
    assert (code, browser.session) == ("server_error", "")
    assert "user" in reason


def test_what_only_the_login_knows_goes_into_the_grant(service: BuiltInPages) -> None:
    service.told_by(Hooked(sub="u-9", claims={"name": "Nine"}, acr="gold", amr=("pwd", "otp")))
    browser = Browser(service)
    done = browser.through(scope="openid read profile")
    grant = service.grant(done)
    assert (grant.claims, grant.acr, grant.amr) == ({"name": "Nine"}, "gold", ("pwd", "otp"))
    assert service.grant(browser.ask(scope="read")).claims == {}
    assert service.redeem(done).status == 200


def test_a_request_that_says_nothing(service: BuiltInPages) -> None:
    browser = Browser(service)
    assert shown(browser.log_in("", "alice"))[0] == "invalid_request"


def test_where_an_application_has_the_say_no_password_counts(tmp_path: Path) -> None:
    service = BuiltInPages(tmp_path / "outside", WITH_APPLICATION)
    browser = Browser(service)
    ticket = browser.ask().answer.partition("?ticket=")[2]
    for decision in (browser.log_in(ticket), browser.answer(ticket)):
        assert shown(decision) == ("invalid_request", "login.url replaces the built-in pages")
    assert browser.session == ""
    browser.get(service.verdict(browser.ask().answer))
    ticket = browser.ask(scope="openid read write").answer.partition("?ticket=")[2]
    assert shown(browser.answer(ticket))[0] == "invalid_request"


def test_the_log_tells_who_has_tried_and_who_has_logged_in(service: BuiltInPages) -> None:
    browser = Browser(service)
    page = browser.ask()
    failed, entered = browser.log_in(page, "alice", "guess"), browser.log_in(page)
    assert (failed.failure, failed.username, failed.subject) == ("login_failed", "alice", "")
    assert (entered.failure, entered.username, entered.subject) == ("", "alice", "u-1")
    line, plain = AuditLine(0.0, "1", "192.0.2.1", "POST"), Line(0.0, "1", "192.0.2.1", "POST")
    line.take(failed)
    assert (line.error, line.username, line.subject, line.reason) == ("login_failed", "alice", "", failed.note)
    line.take(entered)
    assert (line.error, line.username, line.subject) == ("", "alice", "u-1")
    plain.take(failed)
    assert (plain.error, "alice" in repr(plain)) == ("login_failed", False)  # hooks.audit = false names nobody
