"""What a login application asks on its back channel, and what comes of its answers."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec
import pytest

from service.bags.kinds import AccessToken, LoginTicket, Verdict
from service.decisions.authorize.decide import decide_authorization
from service.decisions.decision import Action, Decision
from service.decisions.login_application.ticket import decide_ticket, decide_ticket_fail, decide_ticket_issue
from service.decisions.login_application.verdict import FAILURES
from service.decisions.pages import DeviceDonePage
from tests.worlds.devices import Devices
from tests.worlds.http import granted, refused
from tests.worlds.identifiers import API, ISSUER
from tests.worlds.pkce import VERIFIER
from tests.worlds.satchel import NOW

LOGIN = '[login]\nurl = "https://login.example.com/start"\nclient = "login"\n[openid]\nenabled = true\n'
CALLBACK = "https://spa.example.com/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Devices:
    return Devices(tmp_path_factory.mktemp("ticket"), LOGIN)


@pytest.fixture
def devices(served: Devices) -> Devices:
    served.now = float(NOW)
    served.browser = served.session = ""
    return served


def begin(devices: Devices, **more: str) -> str:
    """The ticket that the login application is sent, for a request of `spa`."""
    request = {"client_id": "spa", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid read"}
    request |= {"code_challenge": CHALLENGE, "code_challenge_method": "S256", "state": "s", **more}
    return sent(devices.browser_request(decide_authorization, **request))


def sent(decision: Decision) -> str:
    """The ticket in a redirect to the login application."""
    assert decision.action is Action.LOCATION, decision.error
    assert len(decision.answer) <= 2000
    assert decision.answer.startswith("https://login.example.com/start?ticket="), decision.answer
    return parse_qs(urlsplit(decision.answer).query)["ticket"][0]


def read(devices: Devices, ticket: str) -> Any:
    decision = devices.ask(decide_ticket, {"ticket": ticket}, "login")
    assert decision.error is None, decision.error
    return json.loads(msgspec.json.encode(decision.answer))


def issue(devices: Devices, ticket: str, **form: Any) -> Decision:
    return devices.ask(decide_ticket_issue, {"ticket": ticket, "subject": "person-9", **form}, "login")


def fail(devices: Devices, ticket: str, error: str = "access_denied") -> Decision:
    return devices.ask(decide_ticket_fail, {"ticket": ticket, "error": error}, "login")


def resume(devices: Devices, decision: Decision) -> Decision:
    """What the browser gets that is sent back."""
    assert decision.error is None, decision.error.description
    url = decision.answer.redirect_to
    assert url.startswith(ISSUER + "/authorize?resume=")
    assert len(url) <= 2000
    return devices.browser_request(decide_authorization, **dict(parse_qsl(urlsplit(url).query)))


def answered(decision: Decision) -> dict[str, str]:
    """The parameters that the client gets."""
    assert decision.action is Action.LOCATION
    base, _, query = decision.answer.partition("?")
    assert base == CALLBACK
    return dict(parse_qsl(query))


def redeem(devices: Devices, code: str) -> AccessToken:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": "spa"}
    answer = granted(devices.post("/token", {**form, "code_verifier": VERIFIER}))
    return devices.context.snapshot.open(answer["access_token"], (AccessToken,), devices.now)


def bad(decision: Decision, error: str = "invalid_request") -> str:
    """Check that it is this refusal; return its description."""
    assert decision.error is not None, decision.answer
    assert decision.error.code == error
    assert decision.answer is None
    return decision.error.description


# --- reading


def test_a_ticket_tells_what_it_is_about(devices: Devices) -> None:
    claims = {"id_token": {"email": {"essential": True}}}
    asked = {"login_hint": "alice", "acr_values": "gold silver", "prompt": "login", "max_age": "60", "ui_locales": "de"}
    devices.now += 0.7
    assert read(devices, begin(devices, scope="openid read", claims=json.dumps(claims), **asked)) == {
        "client_id": "spa",
        "client_name": "A page",
        "expires_in": 900,
        "scopes": [
            {"scope": "openid", "title": "Know who you are"},
            {"scope": "read", "title": "Read everything"},
            {"scope": "email", "title": "See your email address"},
        ],
        "resources": [API],
        "login_hint": "alice",
        "acr_values": ["gold", "silver"],
        "prompt": ["login"],
        "max_age": 60,
        "ui_locales": "de",
        "claims": claims,
    }


def test_an_age_of_nothing_is_told(devices: Devices) -> None:
    assert read(devices, begin(devices, max_age="0"))["max_age"] == 0
    assert "max_age" not in read(devices, begin(devices))


def test_a_device_is_told_of(devices: Devices) -> None:
    codes = devices.begin(scope="read", authorization_details='[{"type":"payment","amount":5}]')
    said = read(devices, sent(devices.enter(codes.user_code)))
    assert (said["client_id"], said["user_code"]) == ("tv", codes.user_code)
    assert said["details"] == [{"detail": {"type": "payment", "amount": 5}, "title": "Pay a bill"}]


# --- issuing


def test_a_login_is_issued(devices: Devices) -> None:
    said = {"acr": "gold", "amr": "pwd otp", "auth_time": str(NOW - 5), "claims": '{"email":"nine@example.com"}'}
    reply = answered(resume(devices, issue(devices, begin(devices), **said)))
    assert (reply["state"], reply["iss"]) == ("s", ISSUER)
    token = redeem(devices, reply["code"])
    assert (token.sub, token.scope, token.acr, token.amr) == ("person-9", "openid read", "gold", ("pwd", "otp"))
    assert token.auth_time == NOW - 5


def test_the_login_is_now_unless_it_is_said(devices: Devices) -> None:
    token = redeem(devices, answered(resume(devices, issue(devices, begin(devices))))["code"])
    assert (token.auth_time, token.acr, token.amr) == (NOW, "", ())


def test_less_is_granted(devices: Devices) -> None:
    reply = answered(resume(devices, issue(devices, begin(devices, scope="openid read write"), scope="read")))
    assert redeem(devices, reply["code"]).scope == "read"


def test_claims_of_a_scope_that_is_not_granted_are_left_out(devices: Devices) -> None:
    claims = {"id_token": {"email": None, "acr": {"essential": True}}, "userinfo": {"email": None}}
    ticket = begin(devices, claims=json.dumps(claims))

    def kept(scope: str) -> dict[str, Any]:
        url = issue(devices, ticket, scope=scope, acr="gold").answer.redirect_to
        verdict = devices.context.snapshot.open(url.partition("resume=")[2], (Verdict,), NOW)
        assert verdict.scope == "openid read"
        return verdict.ticket.request.claims

    assert kept("openid read email") == claims
    assert kept("openid read") == {"id_token": {"acr": {"essential": True}}, "userinfo": {}}


def test_details_are_narrowed(devices: Devices) -> None:
    one, two = {"type": "payment", "amount": 1}, {"type": "payment", "amount": 2}
    codes = devices.begin(authorization_details=json.dumps([one, two]))
    ticket = sent(devices.enter(codes.user_code))
    more = json.dumps([{"type": "payment", "amount": 3}])
    bad(issue(devices, ticket, authorization_details=more), "invalid_authorization_details")
    assert isinstance(
        resume(devices, issue(devices, ticket, authorization_details=json.dumps([two]))).answer, DeviceDonePage
    )
    answer = granted(devices.poll(codes.device_code))
    token = devices.context.snapshot.open(answer["access_token"], (AccessToken,), NOW)
    assert (token.sub, token.authorization_details) == ("person-9", [two])


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"subject": ""}, "invalid_request"),
        ({"subject": "spa"}, "invalid_request"),
        ({"subject": "x" * 256}, "invalid_request"),
        ({"auth_time": "yesterday"}, "invalid_request"),
        ({"auth_time": "-1"}, "invalid_request"),
        ({"auth_time": str(NOW + 61)}, "invalid_request"),
        ({"auth_time": "9" * 11}, "invalid_request"),
        ({"scope": "write"}, "invalid_scope"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": '{"a":1,"a":2}'}, "invalid_request"),
        ({"claims": '{"a":18446744073709551616}'}, "invalid_request"),
        ({"claims": '{"a":"\\ud800"}'}, "invalid_request"),
        ({"claims": '{"sub":"somebody else"}'}, "invalid_request"),
        ({"claims": '{"personal":"x"}'}, "invalid_request"),
        ({"claims": json.dumps({"a": "x" * 1000})}, "invalid_request"),
        ({"authorization_details": "[{}]"}, "invalid_authorization_details"),
    ],
)
def test_what_cannot_be_issued(devices: Devices, form: dict[str, str], error: str) -> None:
    bad(issue(devices, begin(devices), **form), error)


def test_nothing_is_not_a_grant(devices: Devices) -> None:
    claims = json.dumps({"id_token": {"email": None}})
    bad(issue(devices, begin(devices, claims=claims), scope="email"), "invalid_scope")


@pytest.mark.parametrize(
    ("request_", "form"),
    [
        ({"max_age": "60"}, {"auth_time": str(NOW - 200)}),
        ({"prompt": "login"}, {"auth_time": str(NOW - 100)}),
        ({"claims": '{"id_token":{"sub":{"value":"person-1"}}}'}, {}),
        ({"claims": '{"id_token":{"acr":{"essential":true,"values":["gold"]}}}'}, {"acr": "silver"}),
    ],
)
def test_a_login_that_the_client_does_not_want(devices: Devices, request_: dict[str, str], form: Any) -> None:
    assert bad(issue(devices, begin(devices, **request_), **form))


def test_a_url_that_would_be_too_long_says_so(devices: Devices) -> None:
    ticket = begin(devices, state="s" * 400)
    assert "2000; send fewer or shorter claims" in bad(issue(devices, ticket, claims=json.dumps({"a": "x" * 900})))
    answered(resume(devices, issue(devices, ticket)))


# --- failing


@pytest.mark.parametrize("error", FAILURES)
def test_a_request_is_failed(devices: Devices, error: str) -> None:
    reply = answered(resume(devices, fail(devices, begin(devices), error)))
    assert (reply["error"], reply["state"], reply["iss"]) == (error, "s", ISSUER)


@pytest.mark.parametrize("error", ["", "invalid_client", "no such error", "access_denied "])
def test_other_errors_are_not_the_login_applications(devices: Devices, error: str) -> None:
    bad(fail(devices, begin(devices), error))


def test_a_device_is_denied(devices: Devices) -> None:
    codes = devices.begin()
    page = resume(devices, fail(devices, sent(devices.enter(codes.user_code)))).answer
    assert page.approved is False
    refused(devices.poll(codes.device_code), "access_denied")


# --- who may ask, and with what


@pytest.mark.parametrize("decide", [decide_ticket, decide_ticket_issue, decide_ticket_fail])
def test_nobody_else_may(devices: Devices, decide: Any) -> None:
    form = {"ticket": begin(devices), "subject": "mallory", "error": "access_denied"}
    bad(devices.ask(decide, form, "backend"), "unauthorized_client")
    bad(devices.ask(decide, {**form, "client_id": "spa"}), "unauthorized_client")
    bad(devices.ask(decide, form), "invalid_client")


@pytest.mark.parametrize("decide", [decide_ticket, decide_ticket_issue, decide_ticket_fail])
def test_a_ticket_has_its_time(devices: Devices, decide: Any) -> None:
    form = {"ticket": begin(devices), "subject": "person-9", "error": "access_denied"}
    devices.now += 899
    assert devices.ask(decide, form, "login").error is None
    devices.now += 1
    bad(devices.ask(decide, form, "login"), "invalid_grant")


def test_without_a_login_application_nobody_may(tmp_path: Path) -> None:
    devices = Devices(tmp_path)
    bad(devices.ask(decide_ticket, {"ticket": "x"}, "login"), "unauthorized_client")


def test_other_bags_are_no_tickets(devices: Devices) -> None:
    ticket = begin(devices)
    verdict = fail(devices, ticket).answer.redirect_to.partition("resume=")[2]
    for text in (verdict, devices.browser, devices.begin().device_code, ticket + "x", "x", "é"):
        bad(devices.ask(decide_ticket, {"ticket": text}, "login"), "invalid_grant")
    bad(devices.ask(decide_ticket, {}, "login"))


def test_a_ticket_of_a_client_that_is_gone(devices: Devices) -> None:
    ticket = devices.context.snapshot.open(begin(devices), (LoginTicket,), NOW)
    request = msgspec.structs.replace(ticket.request, client_id="gone")
    bad(
        devices.ask(decide_ticket, {"ticket": devices.seal(msgspec.structs.replace(ticket, request=request))}, "login"),
        "invalid_grant",
    )
