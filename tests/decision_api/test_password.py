"""The ticket of a password request: /auth/token/issue and /auth/token/fail."""

from typing import Any

import msgspec
import pytest

from service.bags.ids import fresh_id
from service.bags.kinds import KINDS, ApiTicket, Bag, TokenTicket
from service.decision_api.password import REASONS
from tests.worlds.bags import BAGS
from tests.worlds.decision_api import DecisionApi, content
from tests.worlds.identifiers import API, VAULT
from tests.worlds.watched_memory import watched

FORM = {"grant_type": "password", "username": "alice", "password": "pass wörd"}


def ticket(service: DecisionApi, **changes: Any) -> str:
    got = service.ask({**FORM, **changes})
    assert got["action"] == "PASSWORD", got
    return str(got["ticket"])


def reason(service: DecisionApi) -> str:
    return str(service.log[-1].get("reason", ""))


def test_password(service: DecisionApi) -> None:
    got = service.ask({**FORM, "scope": "write read", "resource": API})
    assert (got["action"], got["username"], got["password"]) == ("PASSWORD", "alice", "pass wörd")
    assert (got["scopes"], got["resources"], got["grantType"]) == (["write", "read"], [API], "PASSWORD")
    assert "responseContent" not in got
    issued = service.call("auth/token/issue", ticket=got["ticket"], subject="u-1")
    answer = content(issued)
    assert (issued["action"], issued["subject"], issued["scopes"]) == ("OK", "u-1", ["write", "read"])
    assert (answer["access_token"], answer["refresh_token"]) == (issued["accessToken"], issued["refreshToken"])
    assert issued["clientId"] == 4711
    assert service.seen(issued["accessToken"])["sub"] == "u-1"
    again = service.ask({"grant_type": "refresh_token", "refresh_token": issued["refreshToken"]})
    assert (again["action"], again["subject"]) == ("OK", "u-1")


def test_a_password_is_nowhere_in_the_log(service: DecisionApi) -> None:
    ticket(service)
    assert not any(b"pass w" in line or "wörd".encode() in line for line in service.lines)


def test_what_the_caller_says_at_both_ends_counts(service: DecisionApi) -> None:
    first = service.ask(
        {**FORM, "resource": VAULT, "scope": "vault"},
        properties=[{"key": "a", "value": "1"}, {"key": "b", "value": "1"}],
        accessTokenDuration=50,
    )
    issued = service.call(
        "auth/token/issue", ticket=first["ticket"], subject="u-1", properties=[{"key": "b", "value": "2"}]
    )
    assert {pair["key"]: pair["value"] for pair in issued["properties"]} == {"a": "1", "b": "2"}
    assert (issued["accessTokenDuration"], issued["accessTokenResources"]) == (50, [VAULT])


@pytest.mark.parametrize("reason", REASONS)
def test_fail(service: DecisionApi, reason: str) -> None:
    got = service.call("auth/token/fail", ticket=ticket(service), reason=reason)
    code, _ = REASONS[reason]
    ours = code == "server_error"
    assert (got["action"], content(got)["error"]) == ("INTERNAL_SERVER_ERROR" if ours else "BAD_REQUEST", code)


def test_a_ticket_is_good_for_one_answer(service: DecisionApi) -> None:
    for first, second in (("issue", "issue"), ("issue", "fail"), ("fail", "issue"), ("fail", "fail")):
        text = ticket(service)
        said: dict[str, dict[str, Any]] = {"issue": {"subject": "u-1"}, "fail": {"reason": "INVALID_SCOPE"}}
        service.call(f"auth/token/{first}", ticket=text, **said[first])
        got = service.call(f"auth/token/{second}", ticket=text, **said[second])
        assert got["action"] == "INTERNAL_SERVER_ERROR"
        assert "accessToken" not in got
        assert "answered before" in got["resultMessage"]


def test_a_callers_fault_leaves_the_ticket_alone(service: DecisionApi) -> None:
    text = ticket(service)
    assert "subject" in service.fault("auth/token/issue", ticket=text)
    assert "client" in service.fault("auth/token/issue", ticket=text, subject="web")
    assert "iss" in service.fault("auth/token/issue", ticket=text, subject="u-1", jwtAtClaims='{"iss": "x"}')
    assert "reason" in service.fault("auth/token/fail", ticket=text, reason="TIRED")
    assert service.call("auth/token/issue", ticket=text, subject="u-1")["action"] == "OK"


def test_a_ticket_expires(service: DecisionApi) -> None:
    text = ticket(service)
    service.now += 901
    got = service.call("auth/token/issue", ticket=text, subject="u-1")
    assert (got["action"], reason(service)) == ("INTERNAL_SERVER_ERROR", "the ticket is not valid: expired")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not TokenTicket], ids=lambda kind: kind.__name__)
def test_no_other_bag_is_a_ticket(service: DecisionApi, kind: type[Bag]) -> None:
    bag = next(bag for bag in BAGS if type(bag) is kind)
    times = {"iss": service.context.snapshot.issuer, "iat": int(service.now), "exp": int(service.now) + 600}
    text = service.context.snapshot.seal(msgspec.structs.replace(bag, **times), service.now)
    for name, said in (("issue", {"subject": "u-1"}), ("fail", {"reason": "INVALID_SCOPE"})):
        got = service.call(f"auth/token/{name}", ticket=text, **said)
        assert got["action"] == "INTERNAL_SERVER_ERROR"
        assert f"{kind.__name__} does not belong here" in got["resultMessage"]


def test_a_ticket_is_good_nowhere_else(service: DecisionApi) -> None:
    text = ticket(service)
    assert service.call("auth/authorization/issue", ticket=text, subject="u-1")["action"] == "BAD_REQUEST"
    assert service.call("auth/introspection", token=text)["action"] == "UNAUTHORIZED"
    for form in (
        {"grant_type": "refresh_token", "refresh_token": text},
        {"grant_type": "authorization_code", "code": text},
    ):
        assert content(service.ask(form))["error"] == "invalid_grant"
    api = service.begin()["ticket"]
    assert isinstance(service.context.snapshot.open(api, (ApiTicket,), service.now), ApiTicket)
    assert service.call("auth/token/issue", ticket=api, subject="u-1")["action"] == "INTERNAL_SERVER_ERROR"


def test_a_ticket_of_another_memory_or_older_than_it_is_refused(service: DecisionApi) -> None:
    text = ticket(service)
    bag = service.context.snapshot.open(text, (TokenTicket,), service.now)
    elsewhere = msgspec.structs.replace(bag, memory="elsewhere", jti=fresh_id())
    got = service.call("auth/token/issue", ticket=service.context.snapshot.seal(elsewhere, service.now), subject="u-1")
    assert "wrong memory" in got["resultMessage"]
    assert "accessToken" not in got
    memory = watched(service)
    memory.forgot_until = int(service.now) + 1
    got = service.call("auth/token/issue", ticket=text, subject="u-1")
    assert "older than the memory" in got["resultMessage"]


def test_a_ticket_of_a_client_or_resource_that_is_gone_is_refused(service: DecisionApi) -> None:
    bag = service.context.snapshot.open(ticket(service), (TokenTicket,), service.now)
    for gone in (msgspec.structs.replace(bag, client_id="gone"), msgspec.structs.replace(bag, resources=("gone",))):
        got = service.call("auth/token/issue", ticket=service.context.snapshot.seal(gone, service.now), subject="u-1")
        assert "is gone" in got["resultMessage"]
