"""Attack 74, and abuse of the device flow and of the login application's back channel."""

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from service.bags.kinds import DeviceCode
from service.config.check_grants import DEVICE_CODE
from service.decisions.authorize.consent import decide_consent
from service.decisions.authorize.decide import decide_authorization
from service.decisions.authorize.device_code import user_code_id
from service.decisions.browser_request import BrowserRequest
from service.decisions.decision import Action, Decision
from service.decisions.device.authorization import decide_device_authorization
from service.decisions.device.page import decide_device, decide_device_code
from service.decisions.form_request import FormRequest
from service.decisions.login_application.ticket import decide_ticket, decide_ticket_fail, decide_ticket_issue
from service.decisions.pages import ConsentPage, DevicePage, LoginPage
from service.decisions.token.decide import decide_token
from service.grants.device_code import approval_id
from service.protocol.user_code import fresh_user_code
from tests.decisions.login_application.test_ticket import LOGIN, answered, begin, issue, redeem, resume, sent
from tests.worlds.devices import Devices
from tests.worlds.http import Answer, basic, granted, refused
from tests.worlds.identifiers import ISSUER
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched

FEW = "[login]\nfailures_per_address = 5\nwindow = 900\n"
TOO_MANY = "Too many codes were entered."


@pytest.fixture
def devices(tmp_path: Path) -> Devices:
    return Devices(tmp_path)


@pytest.fixture
def few(tmp_path: Path) -> Devices:
    return Devices(tmp_path, FEW)


def check_of(page: Answer) -> tuple[str, dict[str, str]]:
    """What the page of the device sends along, and the cookie that it was given."""
    found = re.search(rb'name="check" value="([^"]+)"', page.body)
    assert found is not None, page.body
    return found[1].decode(), {"Cookie": page.headers["set-cookie"].partition(";")[0]}


def enter(devices: Devices, user_code: str, check: str, headers: dict[str, str], **more: Any) -> Answer:
    answer = devices.post("/device", {"user_code": user_code, "check": check}, headers, **more)
    return answer if answer.status != 303 else devices.get(answer.headers["location"], headers, **more)


# --- guessing user codes


def test_074_guessing_is_slowed_by_address(few: Devices) -> None:
    codes, page = few.begin(), few.get("/device")
    check, cookie = check_of(page)
    for n in range(6):
        answer = enter(few, fresh_user_code(), check, cookie)
        assert b"wrong or has expired" in answer.body, n
    for code in (codes.user_code, fresh_user_code()):
        assert TOO_MANY.encode() in enter(few, code, check, cookie).body
    spoofed = {**cookie, "X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    assert TOO_MANY.encode() in enter(few, codes.user_code, check, spoofed).body
    new = check_of(few.get("/device"))  # another browser is no way around
    assert TOO_MANY.encode() in enter(few, codes.user_code, *new).body
    assert b'name="password"' in enter(few, codes.user_code, check, cookie, client="192.0.2.77").body
    few.now += 30
    assert b'name="password"' in enter(few, codes.user_code, check, cookie).body


def test_074_a_whole_ipv6_network_guesses_as_one(few: Devices) -> None:
    check, cookie = check_of(few.get("/device"))
    said = [enter(few, fresh_user_code(), check, cookie, client=f"2001:db8::{n:x}").body for n in range(8)]
    assert [TOO_MANY.encode() in body for body in said] == [False] * 6 + [True] * 2


def test_074_guesses_in_parallel(few: Devices) -> None:
    """However many guesses begin at once, no more are heard than one after the other."""
    code, page = few.begin().user_code, few.browser_request(decide_device).answer

    async def guess(user_code: str) -> Decision:
        form = urlencode({"user_code": user_code, "check": page.check}).encode()

        return await decide_device_code(few.context, BrowserRequest(form, "", few.browser, "192.0.2.1"), few.now)

    async def everything() -> list[Decision]:
        return await asyncio.gather(*(guess(fresh_user_code()) for _ in range(200)), guess(code))

    decisions = asyncio.run(everything())
    heard = [decision for decision in decisions if not decision.note.startswith(TOO_MANY)]
    assert len(heard) == 6  # five in this window, and one in this half minute


def test_074_a_flood_of_device_requests_ends_by_address(few: Devices) -> None:
    form = {"client_id": "tv"}
    said = [few.post("/device_authorization", form).status for _ in range(7)]
    assert said == [200] * 5 + [503] * 2
    assert few.post("/device_authorization", form).headers["retry-after"] == "30"
    assert few.post("/device_authorization", form, client="192.0.2.7").status == 200
    few.now += 900
    assert few.post("/device_authorization", form).status == 200


def test_096_anonymous_devices_fill_their_own_class_alone(devices: Devices) -> None:
    memory = watched(devices)
    memory.full = {"device"}
    refused(devices.post("/device_authorization", {"client_id": "tv"}), "temporarily_unavailable", 503)
    form = {"grant_type": "password", "username": "alice", "password": "wonderland"}
    granted(devices.post("/token", form, basic("backend", "secret")))


# --- impatience, and replay


def test_074_an_impatient_device_learns_nothing_and_loses_nothing(devices: Devices) -> None:
    codes = devices.begin()
    refused(devices.poll(codes.device_code), "authorization_pending")
    devices.answer(codes.user_code, "allow")
    for _ in range(20):
        refused(devices.poll(codes.device_code), "slow_down")
    devices.now += 5
    granted(devices.poll(codes.device_code))


def test_of_many_polls_at_once_one_gets_tokens(devices: Devices) -> None:
    codes = devices.begin()
    devices.answer(codes.user_code, "allow")
    form = urlencode({"grant_type": DEVICE_CODE, "device_code": codes.device_code, "client_id": "tv"}).encode()

    async def race(each: list[float]) -> list[Decision]:
        return await asyncio.gather(*(decide_token(devices.context, FormRequest(form), now) for now in each))

    decisions = asyncio.run(race([NOW] * 50))
    assert sorted(d.error.code if d.error else "" for d in decisions) == ["", *["slow_down"] * 49]


def test_polls_of_many_slots_at_once_get_one_answer(devices: Devices) -> None:
    """Nodes whose clocks differ see different slots; the code is good once all the same."""
    codes = devices.begin()
    devices.answer(codes.user_code, "allow")
    form = urlencode({"grant_type": DEVICE_CODE, "device_code": codes.device_code, "client_id": "tv"}).encode()

    async def race() -> list[Decision]:
        return await asyncio.gather(
            *(decide_token(devices.context, FormRequest(form), devices.now + 5 * n) for n in range(50))
        )

    decisions = asyncio.run(race())
    assert [d.error is None for d in decisions].count(True) == 1
    assert {d.error.code for d in decisions if d.error} == {"invalid_grant"}


def test_a_device_code_is_good_for_nothing_else(devices: Devices) -> None:
    codes = devices.begin()
    for grant, name in (("refresh_token", "refresh_token"), ("authorization_code", "code"), (DEVICE_CODE, "")):
        form = {"grant_type": grant, name or "device_code": codes.device_code if name else codes.user_code}
        client = "spa" if grant == "authorization_code" else "tv"
        refused(devices.post("/token", {**form, "client_id": client}))
    introspected = devices.introspect(codes.device_code, basic("rs", "secret"))
    assert introspected.json() == {"active": False}


def test_what_the_memory_holds_is_no_token(devices: Devices) -> None:
    """Who can read the memory finds an approval there, which opens nowhere."""
    memory = watched(devices)
    codes = devices.begin()
    devices.answer(codes.user_code, "allow")
    approvals = [
        about[1].decode() for verb, about in memory.asked if verb == "put" and about[0].startswith("approval:")
    ]
    assert len(approvals) == 1
    refused(devices.poll(approvals[0]))
    introspected = devices.introspect(approvals[0], basic("rs", "secret"))
    assert introspected.json() == {"active": False}
    granted(devices.poll(codes.device_code))


# --- the page


def test_another_site_cannot_enter_a_code(devices: Devices) -> None:
    code = devices.begin().user_code
    check, cookie = check_of(devices.get("/device"))
    other_check, _ = check_of(devices.get("/device"))
    for answer in (
        enter(devices, code, check, {}),
        enter(devices, code, "", cookie),
        enter(devices, code, other_check, cookie),
        enter(devices, code, check, {**cookie, "Origin": "https://evil.example.com"}),
        enter(devices, code, check, {**cookie, "Origin": "null"}),
    ):
        assert answer.status == 400
        assert b'name="password"' not in answer.body
    assert b'name="password"' in enter(devices, code, check, {**cookie, "Origin": ISSUER}).body


def test_nothing_of_the_link_is_reflected(devices: Devices) -> None:
    for text in ('"><script>alert(1)</script>', "BBBB-BBBB<b>", "javascript:alert(1)"):
        page = devices.get("/device?" + urlencode({"user_code": text}))
        assert page.status == 200
        assert b"alert(1)" not in page.body
        assert b"<b>" not in page.body
    assert devices.get("/device?user_code=BBBB-BBBB&user_code=CCCC-CCCC").status == 400


def test_a_ticket_of_one_device_does_not_answer_for_another(devices: Devices) -> None:
    """Attack 73 for devices: a consent page answers for the code that it has shown, in the browser that saw it."""
    mine, theirs = devices.begin(), devices.begin()
    page = devices.log_in(devices.enter(mine.user_code).answer).answer
    assert isinstance(page, ConsentPage)
    stranger = devices.browser
    devices.browser = ""
    devices.browser_request(decide_device)
    decision = devices.browser_request(decide_consent, ticket=page.ticket, answer="allow")
    assert decision.action is Action.BAD_REQUEST
    devices.browser = stranger
    devices.browser_request(decide_consent, ticket=page.ticket, answer="allow")
    refused(devices.poll(theirs.device_code), "authorization_pending")
    granted(devices.poll(mine.device_code))


# --- the back channel of the login application


@pytest.fixture
def app(tmp_path: Path) -> Devices:
    return Devices(tmp_path, LOGIN)


@pytest.mark.parametrize("path", ["/ticket", "/ticket/issue", "/ticket/fail"])
def test_the_back_channel_is_the_login_applications(app: Devices, path: str) -> None:
    form = {"ticket": begin(app), "subject": "mallory", "error": "access_denied"}
    refused(app.post(path, form, basic("backend", "secret")), "unauthorized_client")
    refused(app.post(path, {**form, "client_id": "spa"}), "unauthorized_client")
    assert app.post(path, form).json()["error"] == "invalid_client"
    assert app.post(path, form, basic("login", "wrong")).status == 401
    assert app.post(path + "?" + urlencode(form), b"", basic("login", "secret")).status == 400
    assert app.get(path).status == 405
    answer = app.post(path, form, basic("login", "secret"))
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert b"mallory" not in b"".join(app.lines)


def test_073_a_ticket_is_answered_once(app: Devices) -> None:
    ticket = begin(app)
    one, two = issue(app, ticket, subject="person-1"), issue(app, ticket, subject="person-2")
    no = app.ask(decide_ticket_fail, {"ticket": ticket, "error": "access_denied"}, "login")
    code = answered(resume(app, one))["code"]
    assert resume(app, two).action is Action.BAD_REQUEST
    app.now += 11
    for late in (one, two):
        assert resume(app, late).action is Action.BAD_REQUEST
    assert "code" not in str(resume(app, no).answer)
    assert redeem(app, code).sub == "person-1"


def test_073_a_verdict_is_for_the_browser_that_began(app: Devices) -> None:
    verdict = issue(app, begin(app))
    mine, app.browser = app.browser, ""
    begin(app)
    assert resume(app, verdict).action is Action.BAD_REQUEST
    app.browser = ""
    assert resume(app, verdict).action is Action.BAD_REQUEST
    app.browser = mine
    assert "code" in answered(resume(app, verdict))


def test_073_a_verdict_is_not_made_by_hand(app: Devices) -> None:
    ticket = begin(app)
    verdict = issue(app, ticket).answer.redirect_to.partition("resume=")[2]
    altered = verdict[:-9] + ("A" if verdict[-9] != "A" else "B") + verdict[-8:]
    for text in (ticket, altered, verdict[:-1], app.browser, "x"):
        assert app.browser_request(decide_authorization, resume=text).action is Action.BAD_REQUEST
    for decide in (decide_ticket, decide_ticket_issue, decide_ticket_fail):
        form = {"ticket": verdict, "subject": "x", "error": "access_denied"}
        decision = app.ask(decide, form, "login")
        assert decision.error is not None
        assert decision.error.code == "invalid_grant"


def test_073_a_verdict_has_the_tickets_time(app: Devices) -> None:
    verdict = issue(app, begin(app))
    app.now += 900
    assert resume(app, verdict).action is Action.BAD_REQUEST


def test_the_built_in_pages_are_closed_where_an_application_has_the_say(app: Devices) -> None:
    codes = app.begin()
    ticket = sent(app.enter(codes.user_code))
    assert app.browser_request(decide_consent, ticket=ticket, answer="allow").action is Action.BAD_REQUEST
    refused(app.poll(codes.device_code), "authorization_pending")


def test_a_login_page_is_no_approval(devices: Devices) -> None:
    codes = devices.begin()
    page = devices.enter(codes.user_code).answer
    assert isinstance(page, LoginPage)
    decision = devices.browser_request(decide_consent, ticket=page.ticket, answer="allow")
    assert decision.action is Action.BAD_REQUEST
    refused(devices.poll(codes.device_code), "authorization_pending")


def test_user_codes_are_not_to_be_read_in_the_memory(devices: Devices) -> None:
    code = devices.begin().user_code
    files = [path.read_bytes() for path in (devices.file.parent / "var" / "memory").iterdir() if path.is_file()]
    assert files
    assert not any(code.encode() in text or user_code_id(code).encode() in text for text in files)


# --- 115: whoever can write to the memory moves what stands there


def moved(devices: Devices, source: str, target: str) -> None:
    """Put the value of one entry under another id."""
    memory = devices.context.memory
    (entry,) = asyncio.run(memory.get_many([source]))
    assert entry is not None
    assert asyncio.run(memory.put(target, entry.value, int(devices.now) + 900, 7)) == (7, entry.value)


def jti_of(devices: Devices, device_code: str) -> str:
    return devices.context.snapshot.open(device_code, (DeviceCode,), devices.now).jti


@pytest.mark.parametrize("answer", ["allow", "deny"])
@pytest.mark.parametrize("client", ["tv", "radio"])
def test_115_an_approval_is_good_for_its_own_device_code_alone(devices: Devices, client: str, answer: str) -> None:
    mine, theirs = devices.begin(), devices.begin()
    if client == "radio":
        theirs = devices.ask(decide_device_authorization, {}, "radio").answer
    devices.answer(mine.user_code, answer)
    moved(devices, approval_id(jti_of(devices, mine.device_code)), approval_id(jti_of(devices, theirs.device_code)))
    refused(devices.poll(theirs.device_code, client), "expired_token")
    assert devices.reason == "the answer to another device"
    if answer == "allow":
        granted(devices.poll(mine.device_code))
    else:
        refused(devices.poll(mine.device_code), "access_denied")


def test_115_a_user_code_leads_to_its_own_device_alone(devices: Devices) -> None:
    victim, thief = devices.begin(), devices.begin()
    moved(devices, user_code_id(thief.user_code), user_code_id(victim.user_code))
    page = devices.enter(victim.user_code).answer
    assert isinstance(page, DevicePage)
    assert page.fault
    refused(devices.poll(thief.device_code), "authorization_pending")


def test_115_a_user_code_that_is_moved_while_somebody_consents(devices: Devices) -> None:
    victim, thief = devices.begin(), devices.begin()
    page = devices.log_in(devices.enter(victim.user_code).answer).answer
    moved(devices, user_code_id(thief.user_code), user_code_id(victim.user_code))
    decision = devices.browser_request(decide_consent, ticket=page.ticket, answer="allow")
    assert decision.error is not None
    refused(devices.poll(thief.device_code), "authorization_pending")


@pytest.mark.parametrize("garbage", [b"", b"\xff\xfe", b"a.b.c.d.e", b"x" * 10_000])
def test_115_what_is_no_answer_is_none(devices: Devices, garbage: bytes) -> None:
    codes, memory = devices.begin(), devices.context.memory
    for id in (approval_id(jti_of(devices, codes.device_code)), user_code_id(codes.user_code)):
        asyncio.run(memory.put(id, garbage, int(devices.now) + 900, 7))
    refused(devices.poll(codes.device_code), "expired_token")
    assert isinstance(devices.enter(codes.user_code).answer, DevicePage)
