"""Attacks 31, 46, 47, 73, 84, 86, 91: what is tried with login tickets, consent, verdicts and the cookies."""

import asyncio
import html
import re
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest

from service.bags.kinds import KINDS, AuthorizationCode, Bag, LoginTicket, Session, Verdict
from service.bags.kinds import Browser as BrowserBag
from service.decisions.authorize.consent import decide_consent
from service.decisions.authorize.login_ticket import REPEATED
from service.decisions.browser_request import BrowserRequest
from service.decisions.decision import Decision
from service.memory import REVOKED
from service.protocol.revocation_check import state_id
from tests.worlds.authorization_requests import parameters
from tests.worlds.bags import BAGS, other_spellings
from tests.worlds.built_in_pages import (
    WITH_APPLICATION,
    Browser,
    BuiltInPages,
    answered,
    consent_page,
    login_page,
    shown,
    told,
)
from tests.worlds.http import Answer, form_bytes
from tests.worlds.identifiers import ISSUER
from tests.worlds.quick import other_keys
from tests.worlds.watched_memory import watched

AGAIN = "invalid_request"


@pytest.fixture
def service(tmp_path: Path) -> BuiltInPages:
    return BuiltInPages(tmp_path / "front")


@pytest.fixture
def outside(tmp_path: Path) -> BuiltInPages:
    return BuiltInPages(tmp_path / "outside", WITH_APPLICATION)


def refused(browser: Browser, decision: Decision, reason: str) -> None:
    """Check that the person is told to begin again, that nobody is sent anywhere, and that nobody is logged in."""
    before = browser.session
    assert shown(decision) == (AGAIN, reason)
    assert decision.session is None
    assert browser.session == before


# --- 73, across browsers


@pytest.mark.parametrize("keeps", ["nothing", "a cookie of its own", "garbage"])
def test_73_a_login_page_of_another_browser(service: BuiltInPages, keeps: str) -> None:
    """Else an attacker could have a victim log in for a request of the attacker's client."""
    page = Browser(service).ask()
    victim = Browser(service)
    reason = "browser: unknown header"
    if keeps == "a cookie of its own":
        victim.ask()
        reason = "another browser's page"
    elif keeps == "garbage":
        victim.browser = "x.y.z"
    refused(victim, victim.log_in(page), reason)


def test_73_a_consent_page_of_another_browser(service: BuiltInPages) -> None:
    """The attacker's page, posted by a victim who is logged in: the victim's consent would go to the attacker."""
    mallory, victim = Browser(service), Browser(service)
    page = mallory.log_in(mallory.ask(state="of mallory"))
    assert "code" in answered(victim.through())
    for answer in ("allow", "deny", "switch"):
        refused(victim, victim.answer(page, answer), "another browser's page")
    victim.browser = ""
    refused(victim, victim.answer(page), "browser: unknown header")


def test_73_a_verdict_of_another_browser(outside: BuiltInPages) -> None:
    """Login CSRF: the attacker has logged in as themselves, and sends the victim the last URL."""
    mallory, victim = Browser(outside), Browser(outside)
    query = outside.verdict(mallory.ask().answer, sub="mallory")
    refused(victim, victim.get(query), "browser: unknown header")
    victim.ask()
    refused(victim, victim.get(query), "another browser's page")
    denial = outside.verdict(mallory.ask().answer, login=None, error="access_denied")
    refused(victim, victim.get(denial), "another browser's page")


# --- 73, across sessions


def test_73_a_consent_page_that_was_made_for_somebody_else(service: BuiltInPages) -> None:
    browser, reason = Browser(service), "the page was not made for this session"
    page = browser.log_in(browser.ask(), "alice")
    alice = browser.session
    browser.log_in(browser.ask(prompt="login"), "bob")
    refused(browser, browser.answer(page), reason)
    browser.session = ""
    refused(browser, browser.answer(page), reason)
    browser.session = alice  # it has ended with the login of bob
    refused(browser, browser.answer(page), reason)


def test_73_a_consent_page_after_the_logout(service: BuiltInPages) -> None:
    browser = Browser(service)
    page = browser.log_in(browser.ask())
    entry = state_id(browser.signed_in.sid)
    asyncio.run(service.context.memory.put(entry, b"", int(service.now) + 99_999, REVOKED, use="revocation"))
    refused(browser, browser.answer(page), "the page was not made for this session")


def test_73_a_login_page_is_no_consent_page(service: BuiltInPages) -> None:
    browser = Browser(service)
    assert "code" in answered(browser.through())
    page = login_page(browser.ask(client_id="other", prompt="login"))
    for answer in ("allow", "deny", "switch"):
        refused(browser, browser.answer(page.ticket, answer), "the page was not made for this session")
    browser.session = ""
    refused(browser, browser.answer(page.ticket), "the page was not made for this session")


def test_73_a_session_that_was_planted_gains_nothing(service: BuiltInPages) -> None:
    mallory, victim = Browser(service), Browser(service)
    mallory.through("bob")
    victim.session = mallory.session
    victim.log_in(victim.ask(client_id="other", prompt="login"), "alice")
    assert victim.signed_in.sid != mallory.signed_in.sid
    login_page(mallory.ask())  # the planted session has ended


# --- 73, replayed


def test_73_every_page_of_a_request_is_spent_with_it(service: BuiltInPages) -> None:
    browser = Browser(service)
    first = browser.ask()
    second = browser.log_in(first)
    assert "code" in answered(browser.answer(second))
    assert shown(browser.answer(second, "deny")) == (AGAIN, "ticket replayed")
    service.now += REPEATED + 1
    for _ in range(2):
        assert shown(browser.answer(second)) == (AGAIN, "ticket replayed")
    again = browser.log_in(first)  # the name and the password are right
    assert shown(again) == (AGAIN, "ticket replayed")


def test_73_a_login_page_of_a_client_that_asks_no_consent(service: BuiltInPages) -> None:
    browser = Browser(service)
    page = browser.ask(client_id="own", scope="read")
    assert "code" in answered(browser.log_in(page))
    assert shown(browser.log_in(page, "bob")) == (AGAIN, "ticket replayed")
    service.now += REPEATED + 1
    decision = browser.log_in(page)
    assert shown(decision) == (AGAIN, "ticket replayed")


def test_73_a_verdict_is_good_once(outside: BuiltInPages) -> None:
    browser = Browser(outside)
    location = browser.ask().answer
    query = outside.verdict(location)
    assert "code" in answered(browser.get(query))
    refused(browser, browser.get(outside.verdict(location, sub="u-2")), "ticket replayed")
    outside.now += REPEATED + 1
    refused(browser, browser.get(query), "ticket replayed")


def test_73_a_race_for_one_page_has_one_code(service: BuiltInPages) -> None:
    browser = Browser(service)
    page = consent_page(browser.log_in(browser.ask()))
    form = urlencode({"ticket": page.ticket, "answer": "allow"}).encode()
    browser_request = BrowserRequest(form, browser.session, browser.browser)

    async def race() -> list[Decision]:
        return await asyncio.gather(*(decide_consent(service.context, browser_request, service.now) for _ in range(50)))

    decisions = asyncio.run(race())
    codes = [service.opened(answered(decision)["code"], AuthorizationCode) for decision in decisions]
    assert len({(code.jti, code.exp, code.grant.family) for code in codes}) == 1


# --- 73, altered, and 31: other kinds of bags


def test_73_not_a_bit_of_a_ticket_can_be_changed(service: BuiltInPages) -> None:
    browser = Browser(service)
    text = consent_page(browser.log_in(browser.ask())).ticket
    header, *rest = text.split(".")
    for at, segment in enumerate(rest):
        for other in (*other_spellings(segment), segment[::-1], segment[:-2], segment + "AA"):
            altered = ".".join([header, *rest[:at], other, *rest[at + 1 :]])
            assert shown(browser.answer(altered))[0] == AGAIN
    for other in (text + ".", text + "=", " " + text, text[:-1], text * 20, "." * 4):
        assert shown(browser.answer(other))[0] == AGAIN
    assert "code" in answered(browser.answer(text))


def passed_off(service: BuiltInPages, browser: Browser, place: type[Bag]) -> list[str]:
    """An authentic bag of every kind but that of `place`, with the id of the browser's cookie."""
    jti = service.opened(browser.browser, BrowserBag).jti
    others = [msgspec.structs.replace(bag, jti=jti) for bag in BAGS if type(bag) is not place]
    assert {type(bag) for bag in others} == {*KINDS} - {place}
    return [service.context.snapshot.seal(bag, service.now) for bag in others]


def test_31_no_other_bag_is_a_ticket(service: BuiltInPages) -> None:
    browser = Browser(service)
    browser.through()
    for text in passed_off(service, browser, LoginTicket):
        assert "does not belong here" in shown(browser.log_in(text))[1]
        assert "does not belong here" in shown(browser.answer(text))[1]


def test_31_no_other_bag_is_a_verdict(outside: BuiltInPages) -> None:
    browser = Browser(outside)
    browser.ask()
    for text in passed_off(outside, browser, Verdict):
        assert "does not belong here" in shown(browser.get(urlencode({"resume": text})))[1]


def test_31_no_other_bag_is_a_cookie(service: BuiltInPages) -> None:
    browser = Browser(service)
    page = browser.ask()
    cookie = browser.browser
    for text in passed_off(service, browser, Session):
        browser.session = text
        login_page(browser.ask())
    browser.session = ""
    for text in passed_off(service, browser, BrowserBag):
        browser.browser = text
        assert "does not belong here" in shown(browser.log_in(page))[1]
        browser.browser = cookie
    consent_page(browser.log_in(page))


def test_73_a_page_of_another_installation(service: BuiltInPages, tmp_path: Path) -> None:
    """Its keys copied, its issuer another: what it has sealed opens nothing here."""
    browser = Browser(service)
    browser.through()
    page = consent_page(browser.ask(client_id="other"))
    staging = msgspec.structs.replace(
        service.opened(page.ticket, LoginTicket), iss="https://staging.example.com", jti="another"
    )
    text = service.context.snapshot.seal(staging, service.now)
    assert shown(browser.answer(text)) == (AGAIN, "issuer")
    session = msgspec.structs.replace(browser.signed_in, iss="https://staging.example.com")
    browser.session = service.context.snapshot.seal(session, service.now)
    login_page(browser.ask())
    other_keys()
    elsewhere = BuiltInPages(tmp_path / "elsewhere")
    stranger = Browser(elsewhere)
    stranger.browser, stranger.session = browser.browser, browser.session
    refused(stranger, stranger.answer(page.ticket), "unknown header")


def test_73_a_client_that_is_gone(service: BuiltInPages) -> None:
    browser = Browser(service)
    page = browser.log_in(browser.ask())
    ticket = service.opened(consent_page(page).ticket, LoginTicket)
    request = msgspec.structs.replace(ticket.request, client_id="gone")
    text = service.context.snapshot.seal(msgspec.structs.replace(ticket, request=request), service.now)
    refused(browser, browser.answer(text), "the client is gone")


def test_73_a_refusal_spends_nothing(service: BuiltInPages) -> None:
    browser, victim = Browser(service), Browser(service)
    page = browser.log_in(browser.ask())
    victim.through()
    memory = watched(service)
    assert shown(victim.answer(page))[0] == AGAIN
    assert shown(victim.answer("garbage"))[0] == AGAIN
    assert not [verb for verb in memory.verbs if verb.startswith("put")]
    assert "code" in answered(browser.answer(page))


# --- 46, 47


@pytest.mark.parametrize("state", ["a\r\nSet-Cookie: x=y", "a\nb", "a\x00b", "\x7f"])
def test_47_a_state_that_would_break_a_header_is_not_reflected(service: BuiltInPages, state: str) -> None:
    code, _ = shown(Browser(service).ask(state=state, prompt="none"))
    assert code == "invalid_request"


def test_46_every_answer_says_who_gives_it(service: BuiltInPages) -> None:
    browser = Browser(service)
    answers = [browser.ask(prompt="none"), browser.ask(scope="shoes"), browser.through(), browser.ask()]
    answers += [browser.ask(response_mode="form_post"), browser.answer(browser.ask(prompt="consent"), "deny")]
    for decision in answers:
        assert answered(decision)["iss"] == ISSUER
    assert [told(decision) for decision in (answers[0], answers[1], answers[5])] == [
        "login_required",
        "invalid_scope",
        "access_denied",
    ]


# --- over HTTP: 84, 86, 91


class Web:
    """A browser that speaks HTTP."""

    def __init__(self, service: BuiltInPages) -> None:
        self.service = service
        self.cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}

    def send(self, method: str, path: str, form: dict[str, str] | None = None) -> Answer:
        """Send one request, and keep the cookies."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **self.headers}
        body = b""
        if form is not None:
            headers["Content-Type"], body = "application/x-www-form-urlencoded", form_bytes(form)
        answer = self.service.request(method, path, body, headers)
        if "set-cookie" in answer.headers:
            name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
            self.cookies[name] = value
        if method == "POST" and answer.headers.get("location", "").startswith("/"):
            return self.send("GET", answer.headers["location"])
        return answer


def ticket_in(answer: Answer) -> str:
    found = re.search(r'name="ticket"[^>]*value="([^"]+)"', answer.body.decode())
    assert answer.status == 200, answer.body
    assert found is not None, answer.body
    return html.unescape(found[1])


def http_code(web: Web) -> str:
    """Walk through login and consent; return where the browser is sent."""
    page = web.send("GET", "/authorize?" + urlencode(parameters()))
    form = {"ticket": ticket_in(page), "username": "alice", "password": "wonderland"}
    page = web.send("POST", "/authorize/login", form)
    done = web.send("POST", "/authorize/consent", {"ticket": ticket_in(page), "answer": "allow"})
    assert done.status == 303, done.body
    return done.headers["location"]


def test_86_who_we_are_is_not_what_a_header_says(service: BuiltInPages) -> None:
    web = Web(service)
    web.headers = {
        "Host": "evil.example.com",
        "X-Forwarded-Host": "evil.example.com",
        "X-Forwarded-Proto": "http",
        "Forwarded": "host=evil.example.com;proto=http",
    }
    page = web.send("GET", "/authorize?" + urlencode(parameters()))
    assert b"evil" not in page.body
    assert all(name.startswith("__Host-") for name in web.cookies)
    location = http_code(web)
    assert location.startswith("https://app.example.com/back?tenant=1&code=")
    assert location.endswith(urlencode({"iss": ISSUER}))


@pytest.mark.parametrize("path", ["/authorize/login", "/authorize/consent"])
def test_84_what_pages_post_cannot_come_in_a_url(service: BuiltInPages, path: str) -> None:
    web = Web(service)
    page = web.send("GET", "/authorize?" + urlencode(parameters()))
    form = {"ticket": ticket_in(page), "username": "alice", "password": "wonderland", "answer": "allow"}
    for method in ("PUT", "DELETE"):
        assert web.send(method, f"{path}?{urlencode(form)}").status == 405
    for method in ("GET", "HEAD"):
        assert web.send(method, f"{path}?{urlencode(form)}").status == (200 if path.endswith("login") else 400)
    assert web.send("POST", f"{path}?{urlencode(form)}", {}).status == 400
    assert web.send("POST", f"{path}?x=y", form).status == 400
    assert not any("session" in name for name in web.cookies)


def test_91_nothing_secret_is_in_the_log(service: BuiltInPages) -> None:
    web = Web(service)
    page = web.send("GET", "/authorize?" + urlencode(parameters(state="of-the-client")))
    ticket = ticket_in(page)
    web.send("POST", "/authorize/login", {"ticket": ticket, "username": "alice", "password": "a-wrong-guess"})
    location = http_code(web)
    code = location.partition("code=")[2].partition("&")[0]
    log = b"".join(service.lines).decode()
    for secret in (ticket, code, "wonderland", "a-wrong-guess", "of-the-client", *web.cookies.values()):
        assert len(secret) > 8
        assert secret not in log
    assert '"u-1"' in log or '"client_id":"web"' in log
    for page_ in (repr(BrowserRequest(b"password=wonderland", "s", "b")), repr(service.opened(ticket, LoginTicket))):
        assert "wonderland" not in page_
