"""The device flow with the caller's own page."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.worlds.decision_api import DEVICE_CODE, DecisionApi, content
from tests.worlds.identifiers import API
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched


def begin(service: DecisionApi, **form: str) -> dict[str, Any]:
    parameters = urlencode({"scope": "openid offline_access read", **form})
    return service.call("device/authorization", parameters=parameters, clientId="web", clientSecret="secret")


def poll(service: DecisionApi, codes: dict[str, Any]) -> dict[str, Any]:
    return service.ask({"grant_type": DEVICE_CODE, "device_code": codes["deviceCode"]})


def complete(service: DecisionApi, codes: dict[str, Any], **said: Any) -> str:
    usual = {"userCode": codes["userCode"], "result": "AUTHORIZED", "subject": "u-1"}
    return str(service.call("device/complete", **{**usual, **said})["action"])


def test_codes(service: DecisionApi) -> None:
    codes = begin(service)
    answer = content(codes)
    assert codes["action"] == "OK"
    for member, name in (
        ("deviceCode", "device_code"),
        ("userCode", "user_code"),
        ("verificationUri", "verification_uri"),
    ):
        assert codes[member] == answer[name]
    assert codes["verificationUriComplete"].endswith(f"?user_code={codes['userCode']}")
    assert (codes["expiresIn"], codes["interval"], codes["expiresAt"]) == (900, 5, (NOW + 900) * 1000)
    assert (codes["clientId"], codes["clientName"], codes["resources"]) == (4711, "The web", [API])
    assert {"name": "read", "description": "Read your tea leaves"} in codes["scopes"]


def test_refusals(service: DecisionApi) -> None:
    assert begin(service, scope="admin")["action"] == "BAD_REQUEST"
    wrong = service.call("device/authorization", parameters="", clientId="web", clientSecret="wrong")
    assert (wrong["action"], content(wrong)["error"]) == ("UNAUTHORIZED", "invalid_client")
    codes = begin(service)
    watched(service).down = True
    assert begin(service)["action"] == "INTERNAL_SERVER_ERROR"
    assert service.call("device/verification", userCode=codes["userCode"])["action"] == "SERVER_ERROR"
    assert complete(service, codes) == "SERVER_ERROR"


def test_one_caller_is_not_one_address(service: DecisionApi) -> None:
    assert service.config.login.failures_per_address == 50
    assert {begin(service)["action"] for _ in range(60)} == {"OK"}


def test_verification(service: DecisionApi) -> None:
    codes = begin(service)
    for user_code in (codes["userCode"], codes["userCode"].lower().replace("-", " ")):
        seen = service.call("device/verification", userCode=user_code)
        assert (seen["action"], seen["clientIdAlias"], seen["clientName"]) == ("VALID", "web", "The web")
        assert [scope["name"] for scope in seen["scopes"]] == ["openid", "offline_access", "read"]
        assert seen["expiresAt"] == codes["expiresAt"]
    for user_code in ("BBBB-BBBB", "nonsense", "", None):
        assert service.call("device/verification", userCode=user_code)["action"] == "NOT_EXIST"
    service.now += 901
    seen = service.call("device/verification", userCode=codes["userCode"])
    assert seen.keys() == {"action", "resultCode", "resultMessage"}
    assert seen["action"] == "EXPIRED"
    assert complete(service, codes) == "USER_CODE_EXPIRED"
    assert content(poll(service, codes))["error"] == "expired_token"


def test_authorized(service: DecisionApi) -> None:
    codes = begin(service)
    assert content(poll(service, codes))["error"] == "authorization_pending"
    said = {"scopes": ["openid", "offline_access", "read"], "acr": "loa2", "authTime": NOW - 9}
    assert complete(service, codes, properties=[{"key": "k", "value": "v"}], **said) == "SUCCESS"
    service.now += 5
    got = poll(service, codes)
    assert (got["action"], got["grantType"], got["subject"]) == ("OK", "DEVICE_CODE", "u-1")
    assert got["properties"] == [{"key": "k", "value": "v", "hidden": False}]
    assert content(got)["k"] == "v"
    assert service.call("auth/introspection", token=got["accessToken"])["acr"] == "loa2"
    again = service.ask({"grant_type": "refresh_token", "refresh_token": got["refreshToken"]})
    assert again["properties"] == got["properties"]
    assert complete(service, codes) == "INVALID_REQUEST"


@pytest.mark.parametrize("result", ["ACCESS_DENIED", "TRANSACTION_FAILED"])
def test_denied(service: DecisionApi, result: str) -> None:
    codes = begin(service)
    assert complete(service, codes, result=result, subject=None) == "SUCCESS"
    got = poll(service, codes)
    assert (got["action"], content(got)["error"]) == ("BAD_REQUEST", "access_denied")


def test_faults(service: DecisionApi) -> None:
    codes = begin(service)
    assert complete(service, codes, userCode="BBBB-BBBB") == "USER_CODE_NOT_EXIST"
    usual = {"userCode": codes["userCode"], "result": "AUTHORIZED"}
    for said, about in (
        ({"result": "MAYBE"}, "result"),
        ({"subject": None}, "subject"),
        ({"subject": "web"}, "client"),
        ({"subject": "u-1", "scopes": ["vault"]}, "invalid_scope"),
        ({"subject": "u-1", "jwtAtClaims": '{"exp": 1}'}, "exp"),
    ):
        assert about in service.fault("device/complete", **{**usual, **said})
    assert complete(service, codes) == "SUCCESS"
