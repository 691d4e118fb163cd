"""Code of the operator's own behind the decision API: it is asked where the standard endpoints would ask it."""

import asyncio
import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from service.decision_api.calls import call
from service.grants import Plan
from service.hooks import OAuthError, TokenRequest, User
from tests.decision_api.test_password import ticket
from tests.worlds.decision_api import DEVICE_CODE, EXCHANGE, JWT_BEARER, UNKNOWN, DecisionApi, content
from tests.worlds.identifiers import API
from tests.worlds.operator_object import MODULE, failures

PASSWORD = {"grant_type": "password", "username": "alice", "password": "x"}
FORMS: dict[str, dict[str, Any]] = {
    "password": PASSWORD,
    EXCHANGE: {"grant_type": EXCHANGE, "subject_token": "s", "subject_token_type": "t"},
    JWT_BEARER: {"grant_type": JWT_BEARER, "assertion": UNKNOWN.sign()},
}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DecisionApi]:
    """Makes a service whose `hooks.object` has the given methods."""

    def make(settings: str = "", api: str = "", **methods: Callable[..., Any]) -> DecisionApi:
        module: Any = types.ModuleType(MODULE)
        module.Hooks = type("Hooks", (), {name: staticmethod(call) for name, call in methods.items()})
        monkeypatch.setitem(sys.modules, MODULE, module)
        return DecisionApi(tmp_path, api, f'[hooks]\nobject = "{MODULE}:Hooks"\n{settings}\n')

    return make


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def decides(*grant_types: str) -> str:
    return f"decides = {list(grant_types)!r}"


@pytest.mark.parametrize("grant_type", FORMS)
def test_decide_leaves_nothing_to_ask_the_caller(own: Callable[..., DecisionApi], grant_type: str) -> None:
    asked: list[TokenRequest] = []

    async def decide(request: TokenRequest) -> Plan:
        asked.append(request)
        return request.mint(User("u-1"), claims={"decided": True})

    service = own(decides(grant_type), decide=decide)
    got = service.ask(FORMS[grant_type], properties=[{"key": "k", "value": "v"}], accessTokenDuration=60)
    assert (got["action"], got["subject"], got["accessTokenDuration"]) == ("OK", "u-1", 60)
    assert content(got)["k"] == "v"
    assert claims(got["accessToken"])["decided"] is True
    assert [(request.grant_type, request.client.id) for request in asked] == [(grant_type, "web")]
    others = {"password": "PASSWORD", JWT_BEARER: "JWT_BEARER", EXCHANGE: "BAD_REQUEST"}
    for other in FORMS.keys() - {grant_type}:
        assert service.ask(FORMS[other])["action"] == others[other]
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("decide", "action", "error"),
    [
        (lambda request: None, "BAD_REQUEST", "invalid_request"),
        (lambda request: OAuthError("invalid_grant", "not today"), "BAD_REQUEST", "invalid_grant"),
        (lambda request: 1 / 0, "INTERNAL_SERVER_ERROR", "server_error"),
    ],
)
def test_what_decide_refuses(own: Callable[..., DecisionApi], decide: Any, action: str, error: str) -> None:
    service = own(decides("password"), decide=decide)
    got = service.ask(PASSWORD)
    assert (got["action"], content(got)["error"]) == (action, error)


def test_decide_judges_devices(own: Callable[..., DecisionApi]) -> None:
    service = own(decides(DEVICE_CODE), decide=lambda request: OAuthError("authorization_pending", "not yet"))
    got = service.ask({"grant_type": DEVICE_CODE, "device_code": "x"})
    assert (got["action"], content(got)["error"]) == ("BAD_REQUEST", "authorization_pending")


def test_claims_of_tokens_after_a_ticket(own: Callable[..., DecisionApi]) -> None:
    service = own(customize_access_token=lambda plan: {"told": plan.subject})
    got = service.call("auth/token/issue", ticket=ticket(service), subject="u-1")
    assert claims(got["accessToken"])["told"] == "u-1"


def test_claims_of_a_reissued_id_token(own: Callable[..., DecisionApi]) -> None:
    plans: list[Plan] = []
    access: list[Plan] = []

    async def customize_id_token(plan: Plan) -> dict[str, Any]:
        plans.append(plan)
        return {"badge": len(plans)}

    service = own(
        api="id_token_reissuable = true",
        customize_id_token=customize_id_token,
        customize_access_token=lambda plan: access.append(plan) or {},  # type: ignore[func-returns-value]
    )
    first = service.tokens()
    again = service.ask({"grant_type": "refresh_token", "refresh_token": first["refreshToken"], "scope": "openid read"})
    before = len(plans), len(access)
    made = service.call("idtoken/reissue", accessToken=again["accessToken"], refreshToken=again["refreshToken"])
    said = claims(made["idToken"])
    assert (said["badge"], said["sub"]) == (before[0] + 1, "alice")
    assert claims(content(made)["id_token"]) == said
    assert (len(plans), len(access)) == (before[0] + 1, before[1])
    plan = plans[-1]
    assert (plan.subject, plan.client_id, plan.scopes) == ("alice", "web", ("openid", "read"))
    assert [audience.identifier for audience in plan.audiences] == [API]


def test_a_failing_hook_gives_no_id_token(own: Callable[..., DecisionApi]) -> None:
    fails: list[bool] = []

    def customize_id_token(plan: Plan) -> dict[str, Any]:
        return {"iss": "https://evil.example.com"} if fails else {}

    service = own(api="id_token_reissuable = true", customize_id_token=customize_id_token)
    first = service.tokens()
    again = service.ask({"grant_type": "refresh_token", "refresh_token": first["refreshToken"]})
    fails.append(True)
    made = service.call("idtoken/reissue", accessToken=again["accessToken"], refreshToken=again["refreshToken"])
    assert made["action"] == "INTERNAL_SERVER_ERROR"
    assert "idToken" not in made
    assert failures(service)[-1][0].endswith(".customize_id_token")


def told_of(service: DecisionApi, *calls: tuple[str, dict[str, Any]]) -> list[str]:
    """Make calls in one event loop, and stop as the server does; the actions that were answered."""

    async def run() -> list[str]:
        actions = [
            (await call(name, service.context, json.dumps(message).encode(), service.now))[1].action
            for name, message in calls
        ]
        audit: Any = service.context.ports.audit
        await audit.process_shutdown({}, {})
        return actions

    return asyncio.run(run())


def asking(form: dict[str, Any], client: str = "web") -> tuple[str, dict[str, Any]]:
    return "auth/token", {"parameters": urlencode(form), "clientId": client, "clientSecret": "secret"}


def test_every_refusal_of_tokens_is_told(own: Callable[..., DecisionApi]) -> None:
    told: list[Any] = []
    service = own(on_refused=told.append)
    first = ticket(service)
    actions = told_of(
        service,
        asking(PASSWORD, "nobody"),
        ("auth/token/fail", {"ticket": first, "reason": "INVALID_RESOURCE_OWNER_CREDENTIALS"}),
        ("auth/token/issue", {"ticket": first, "subject": "u-1"}),
        ("auth/token/create", {"grantType": "CLIENT_CREDENTIALS", "clientId": "wallet"}),
        ("auth/introspection", {"token": "x"}),
    )
    assert actions == ["INVALID_CLIENT", "BAD_REQUEST", "INTERNAL_SERVER_ERROR", "FORBIDDEN", "UNAUTHORIZED"]
    assert [event.error for event in told] == ["invalid_client", "invalid_grant", "server_error", "unauthorized_client"]


def test_every_issue_of_tokens_is_told(own: Callable[..., DecisionApi]) -> None:
    told: list[Any] = []
    service = own(on_issued=told.append)
    actions = told_of(
        service,
        asking({"grant_type": "client_credentials"}),
        ("auth/token/issue", {"ticket": ticket(service), "subject": "u-1"}),
        ("auth/token/create", {"grantType": "AUTHORIZATION_CODE", "clientId": "web", "subject": "u-2"}),
    )
    assert actions == ["OK"] * 3
    assert [event.subject for event in told] == ["web", "u-1", "u-2"]


def test_the_lines_of_calls_are_audit_events_too(service: DecisionApi) -> None:
    service.ask({"grant_type": "client_credentials"})
    service.call("auth/token/issue", ticket=ticket(service), subject="u-1")
    service.call("auth/token/create", grantType="AUTHORIZATION_CODE", clientId="web", subject="u-2")
    assert [(line["endpoint"], line["subject"]) for line in service.log if line.get("audiences")] == [
        ("api:auth/token", "web"),
        ("api:auth/token/issue", "u-1"),
        ("api:auth/token/create", "u-2"),
    ]
