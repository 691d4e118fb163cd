"""/auth/authorization, its issue and its fail: what the caller's pages are told, and what becomes of their word."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import jwt
import msgspec
import pytest

from service.bags.ids import fresh_id
from service.bags.kinds import KINDS, ApiTicket, AuthorizationCode, Bag, Browser, LoginTicket
from service.decision_api.consent import REASONS
from service.decisions.authorize.consent import decide_consent
from service.decisions.authorize.login import decide_login
from service.decisions.browser_request import BrowserRequest
from tests.worlds.bags import BAGS
from tests.worlds.decision_api import CALLBACK, DecisionApi, content, query_of
from tests.worlds.http import basic
from tests.worlds.identifiers import API, VAULT
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched

PAYMENT = {"type": "payment", "amount": {"value": "9.00"}, "actions": ["pay"]}


def issue(service: DecisionApi, ticket: str, **said: Any) -> dict[str, Any]:
    return service.call("auth/authorization/issue", **{"ticket": ticket, "subject": "alice", **said})


def test_interaction_says_what_the_request_wants(service: DecisionApi) -> None:
    claims = {"id_token": {"acr": {"essential": True, "values": ["loa2"]}, "email": None}, "userinfo": {"name": None}}
    got = service.begin(
        scope="openid profile read",
        prompt="login consent",
        max_age="300",
        login_hint="ali",
        ui_locales="de en",
        claims=json.dumps(claims),
        authorization_details=json.dumps([PAYMENT]),
        resource=API,
    )
    assert got["action"] == "INTERACTION"
    assert got["client"] == {
        "clientId": 4711,
        "clientIdAlias": "web",
        "clientIdAliasEnabled": True,
        "clientName": "The web",
        "clientType": "CONFIDENTIAL",
        "redirectUris": [CALLBACK],
    }
    assert got["service"]["issuer"] == service.config.issuer
    assert {"name": "read", "description": "Read your tea leaves"} in got["scopes"]
    assert (got["prompts"], got["maxAge"], got["loginHint"]) == (["LOGIN", "CONSENT"], 300, "ali")
    assert (got["uiLocales"], got["acrs"], got["acrEssential"]) == (["de", "en"], ["loa2"], True)
    assert "email" in got["claims"]
    assert "birthdate" in got["claims"]  # by the scope profile
    assert got["claimsAtUserInfo"] == ["name"]
    assert json.loads(got["idTokenClaims"]) == claims["id_token"]
    assert json.loads(got["userInfoClaims"]) == claims["userinfo"]
    assert got["resources"] == [API]
    [element] = got["authorizationDetails"]["elements"]
    assert (element["type"], element["actions"]) == ("payment", ["pay"])
    assert json.loads(element["otherFields"]) == {"amount": {"value": "9.00"}}
    assert (got["display"], got["clientIdAliasUsed"]) == ("PAGE", True)


def test_no_interaction(service: DecisionApi) -> None:
    got = service.begin(prompt="none")
    assert (got["action"], got["prompts"]) == ("NO_INTERACTION", ["NONE"])
    assert "code" in query_of(issue(service, got["ticket"]))


def test_a_login_that_must_be_new_is_asked_for(service: DecisionApi) -> None:
    got = service.begin(max_age="0")
    assert got["prompts"] == ["LOGIN"]
    assert "too old" in service.fault(
        "auth/authorization/issue", ticket=got["ticket"], subject="alice", authTime=NOW - 900
    )
    assert "code" in query_of(issue(service, got["ticket"], authTime=NOW))


def test_only_the_person_of_the_hint(service: DecisionApi) -> None:
    got = service.begin(id_token_hint=service.tokens()["idToken"])
    assert got["subject"] == "alice"
    assert "not the one that the request names" in service.fault(
        "auth/authorization/issue", ticket=got["ticket"], subject="bob"
    )
    assert "code" in query_of(issue(service, got["ticket"]))


def test_errors_go_where_they_belong(service: DecisionApi) -> None:
    unproved = service.begin(redirect_uri="https://evil.example.com/")
    assert (unproved["action"], content(unproved)["error"]) == ("BAD_REQUEST", "invalid_request")
    refused = service.begin(response_type="token")
    assert refused["action"] == "LOCATION"
    assert query_of(refused)["error"] == "unsupported_response_type"
    form = service.begin(response_type="token", response_mode="form_post")
    assert form["action"] == "FORM"
    assert "unsupported_response_type" in form["responseContent"]
    assert "<script" in form["responseContent"]
    assert service.call("auth/authorization", parameters="%")["action"] == "BAD_REQUEST"
    assert "parameters" in service.fault("auth/authorization")
    memory = watched(service)
    memory.down = True
    assert service.begin()["action"] == "INTERNAL_SERVER_ERROR"


def test_issue(service: DecisionApi) -> None:
    ticket = service.begin(state="a&b", claims='{"id_token": {"email": null}}')["ticket"]
    said = {"authTime": NOW - 30, "acr": "loa2", "claims": '{"email": "a@b.c", "shoe_size": 37}'}
    got = issue(service, ticket, **said)
    back = query_of(got)
    assert (got["action"], back["code"], back["state"]) == ("LOCATION", got["authorizationCode"], "a&b")
    assert back["iss"] == service.config.issuer
    tokens = service.redeem(back["code"])
    claims = jwt.decode(tokens["idToken"], options={"verify_signature": False})
    assert (claims["sub"], claims["auth_time"], claims["acr"], claims["nonce"]) == ("alice", NOW - 30, "loa2", "n")
    assert claims["email"] == "alice@example.com"  # whom we know, we know better
    assert "shoe_size" not in claims


def test_what_only_the_caller_knows_of_a_person(service: DecisionApi) -> None:
    class Nobody:
        async def authenticate(self, username: str, password: str) -> None:
            return None

        async def claims(self, sub: str) -> None:
            return None

        def may_exist(self, sub: str) -> bool:
            return True

    service.app.runtime.context = service.context._replace(ports=service.context.ports._replace(users=Nobody()))
    code = service.code(
        issue={"claims": '{"email": "a@b.c", "name": "A"}'},
        scope="openid email read",
        claims='{"id_token": {"name": null}}',
    )
    tokens = service.redeem(code)
    assert jwt.decode(tokens["idToken"], options={"verify_signature": False})["name"] == "A"
    told = service.get("/userinfo", {"Authorization": f"Bearer {tokens['accessToken']}"}).json()
    assert told == {"sub": "alice", "email": "a@b.c"}


def test_a_person_grants_less(service: DecisionApi) -> None:
    ticket = service.begin(scope="openid read write", authorization_details=json.dumps([PAYMENT]))["ticket"]
    wire = {"elements": [{"type": "payment", "actions": ["pay"], "otherFields": '{"amount": {"value": "9.00"}}'}]}
    got = issue(service, ticket, scopes=["openid", "read"], authorizationDetails=wire)
    tokens = service.redeem(query_of(got)["code"])
    assert tokens["scopes"] == ["openid", "read"]
    assert content(tokens)["authorization_details"] == [PAYMENT]
    assert tokens["authorizationDetails"]["elements"][0]["type"] == "payment"


@pytest.mark.parametrize(
    ("said", "about"),
    [
        ({"subject": None}, "subject"),
        ({"subject": "web"}, "client"),
        ({"subject": "x" * 256}, "subject"),
        ({"sub": "a pseudonym"}, "sub must equal subject"),
        ({"scopes": ["read", "vault"]}, "invalid_scope"),
        ({"scopes": []}, "invalid_scope"),
        ({"authTime": NOW + 3600}, "auth_time"),
        ({"claims": "[]"}, "claims"),
        ({"claims": '{"iss": "x"}'}, "claims"),
        ({"claims": json.dumps({"name": "x" * 1001})}, "claims"),
        ({"authorizationDetails": {"elements": [{"type": "payment"}]}}, "invalid_authorization_details"),
        ({"authorizationDetails": {"elements": [{"type": "payment", "otherFields": "x"}]}}, "otherFields"),
        ({"jwtAtClaims": '{"exp": 1}'}, "exp"),
        ({"accessToken": "of my own"}, "chosen"),
    ],
)
def test_callers_faults_leave_the_ticket_alone(service: DecisionApi, said: dict[str, Any], about: str) -> None:
    ticket = service.begin()["ticket"]
    fault = service.fault("auth/authorization/issue", **{"ticket": ticket, "subject": "alice", **said})
    assert about in fault
    assert issue(service, ticket)["action"] == "LOCATION"


@pytest.mark.parametrize("reason", REASONS)
def test_fail(service: DecisionApi, reason: str) -> None:
    got = service.call("auth/authorization/fail", ticket=service.begin()["ticket"], reason=reason)
    back = query_of(got)
    assert (got["action"], back["error"], back["state"]) == ("LOCATION", REASONS[reason][0], "s")
    assert "code" not in back


def test_fail_says_what_the_caller_says(service: DecisionApi) -> None:
    ticket = service.begin()["ticket"]
    assert "reason" in service.fault("auth/authorization/fail", ticket=ticket, reason="TIRED")
    bad = service.fault("auth/authorization/fail", ticket=ticket, reason="DENIED", description='a "b"')
    assert "description" in bad
    got = service.call("auth/authorization/fail", ticket=ticket, reason="DENIED", description="not today")
    assert query_of(got)["error_description"] == "not today"


def test_a_ticket_is_good_for_one_answer(service: DecisionApi) -> None:
    said: dict[str, dict[str, Any]] = {"issue": {"subject": "alice"}, "fail": {"reason": "DENIED"}}
    for first in said:
        for second in said:
            ticket = service.begin()["ticket"]
            assert service.call(f"auth/authorization/{first}", ticket=ticket, **said[first])["action"] == "LOCATION"
            got = service.call(f"auth/authorization/{second}", ticket=ticket, **said[second])
            assert (got["action"], content(got)["error"]) == ("BAD_REQUEST", "invalid_request")
            assert "authorizationCode" not in got


def test_a_pushed_request_is_spent_with_its_ticket(service: DecisionApi) -> None:
    form = {"response_type": "code", "redirect_uri": CALLBACK, "scope": "read"}
    form |= {"code_challenge": "A" * 43, "code_challenge_method": "S256"}
    pushed = service.call("pushed_auth_req", parameters=urlencode(form), clientId="web", clientSecret="secret")
    assert (pushed["action"], pushed["clientAuthMethod"]) == ("CREATED", "CLIENT_SECRET_BASIC")
    assert content(pushed)["request_uri"] == pushed["requestUri"]
    query = urlencode({"client_id": "web", "request_uri": pushed["requestUri"]})
    one, two = (service.call("auth/authorization", parameters=query)["ticket"] for _ in range(2))
    assert issue(service, one)["action"] == "LOCATION"
    assert issue(service, two)["action"] == "BAD_REQUEST"
    assert service.call("auth/authorization", parameters=query)["action"] == "BAD_REQUEST"
    bad = service.call("pushed_auth_req", parameters=urlencode(form), clientId="web", clientSecret="wrong")
    assert bad["action"] == "UNAUTHORIZED"
    assert (
        service.call("pushed_auth_req", parameters="x=1", clientId="web", clientSecret="secret")["action"]
        == "BAD_REQUEST"
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not ApiTicket], ids=lambda kind: kind.__name__)
def test_no_other_bag_is_a_ticket(service: DecisionApi, kind: type[Bag]) -> None:
    bag = next(bag for bag in BAGS if type(bag) is kind)
    times = {"iss": service.context.snapshot.issuer, "iat": NOW, "exp": NOW + 600}
    text = service.context.snapshot.seal(msgspec.structs.replace(bag, **times), service.now)
    for name, said in (("issue", {"subject": "alice"}), ("fail", {"reason": "DENIED"})):
        got = service.call(f"auth/authorization/{name}", ticket=text, **said)
        assert got["action"] == "BAD_REQUEST"
        assert f"{kind.__name__} does not belong here" in got["resultMessage"]


def test_a_ticket_of_the_api_is_none_for_the_pages_nor_for_a_login_application(service: DecisionApi) -> None:
    ticket = service.begin()["ticket"]
    browser = Browser(service.context.snapshot.issuer, fresh_id(), NOW, NOW + 600)
    cookie = service.context.snapshot.seal(browser, service.now)
    for decide, form in (
        (decide_login, {"username": "alice", "password": "wonderland"}),
        (decide_consent, {"answer": "allow"}),
    ):
        browser_request = BrowserRequest(urlencode({"ticket": ticket, **form}).encode(), "", cookie)
        decision = asyncio.run(decide(service.context, browser_request, service.now))
        assert decision.error is not None
        assert decision.error.reason == "ApiTicket does not belong here"
    answer = service.post("/ticket", {"ticket": ticket}, basic("web", "secret"))
    assert answer.status == 400
    assert service.get(f"/authorize?resume={ticket}").status == 400


def test_a_ticket_of_the_pages_is_none_for_the_api(service: DecisionApi) -> None:
    bag = service.context.snapshot.open(service.begin()["ticket"], (ApiTicket,), service.now)
    page = LoginTicket(bag.iss, bag.jti, bag.iat, bag.exp, bag.request, "", memory=bag.memory)
    got = issue(service, service.context.snapshot.seal(page, service.now))
    assert (got["action"], content(got)["error"]) == ("BAD_REQUEST", "invalid_request")


def test_a_ticket_expires_and_belongs_to_one_memory(service: DecisionApi) -> None:
    text = service.begin()["ticket"]
    bag = service.context.snapshot.open(text, (ApiTicket,), service.now)
    elsewhere = service.context.snapshot.seal(msgspec.structs.replace(bag, memory="elsewhere"), service.now)
    assert "wrong memory" in issue(service, elsewhere)["resultMessage"]
    gone = msgspec.structs.replace(bag, request=msgspec.structs.replace(bag.request, client_id="gone"))
    assert "gone" in issue(service, service.context.snapshot.seal(gone, service.now))["resultMessage"]
    service.now += 901
    assert issue(service, text)["action"] == "BAD_REQUEST"


def test_a_code_with_terms_stays_short_enough(service: DecisionApi) -> None:
    plain, properties = service.code(), [{"key": "tenant", "value": "acme"}]
    assert len(service.code(issue={"properties": properties})) - len(plain) < 60
    bag = service.context.snapshot.open(plain, (AuthorizationCode,), service.now)
    assert bag.grant.terms is None
    ticket = service.begin()["ticket"]
    long = [{"key": "k", "value": "v" * 1500}]
    got = issue(service, ticket, properties=long)
    assert query_of(got)["error"] == "invalid_request"  # told to the client: a code must fit into a URL
    assert VAULT not in str(got)
