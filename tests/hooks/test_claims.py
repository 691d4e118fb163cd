"""customize_access_token and customize_id_token: what they add, and what they cannot."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from service.bags.sign import RESERVED_CLAIMS
from service.grants import Plan
from service.hooks.plans import MAX_CLAIMS
from service.protocol.claims import RESERVED_ID_CLAIMS
from service.protocol.errors import OAuthError
from tests.worlds.demo import API_SERVER, CXF, VAULT_SERVER
from tests.worlds.http import Answer
from tests.worlds.operator_object import assert_contained, own
from tests.worlds.satchel import Satchel

API_ID, VAULT_ID = "https://api.example.com", "https://vault.example.com"
UNCARRIED = "the claims cannot be encoded"
RESERVED = "a claim is reserved for the service"


def redeem(satchel: Satchel, code: str | None = None, **form: str) -> Answer:
    code = code or satchel.code(scopes=("openid", "email", "read", "vault"), auth_time=int(satchel.now))
    return satchel.post("/token", {"grant_type": "authorization_code", "code": code, **form}, CXF)


def claims(token: str) -> dict[str, Any]:
    said: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return said


def about(plan: Plan) -> dict[str, Any]:
    return {
        "tenant": "t-1",
        "told": [plan.subject, plan.client_id, list(plan.scopes)],
        "hush": {"deep": [1, 2.5, None]},
    }


async def about_slowly(plan: Plan) -> dict[str, Any]:
    return about(plan)


@pytest.mark.parametrize("customize", [about, about_slowly])
def test_claims_for_a_resource_server(tmp_path: Path, customize: Callable[[Plan], Any]) -> None:
    satchel = own(tmp_path, customize_access_token=customize)
    said = claims(satchel.token(scope="read"))
    assert said["told"] == ["123456789", "123456789", ["read"]]
    assert (said["tenant"], said["hush"]) == ("t-1", {"deep": [1, 2.5, None]})
    sealed = satchel.introspect(satchel.token(scope="vault", resource=VAULT_ID), VAULT_SERVER).json()
    assert (sealed["active"], sealed["tenant"], sealed["hush"]) == (True, "t-1", {"deep": [1, 2.5, None]})
    answer = redeem(satchel).json()
    assert claims(answer["access_token"])["told"][0] == "alice"
    assert "tenant" not in claims(answer["id_token"])


def test_it_is_asked_each_time(tmp_path: Path) -> None:
    """A machine client repeats one request for years; what is said of it may change."""
    count: list[int] = []
    satchel = own(tmp_path, customize_access_token=lambda plan: count.append(1) or {"n": len(count)})  # type: ignore[func-returns-value]
    assert [claims(satchel.token())["n"] for _ in range(3)] == [1, 2, 3]


def test_claims_for_a_client(tmp_path: Path) -> None:
    satchel = own(tmp_path, customize_id_token=lambda plan: {"plan": "gold", "email": "a@acme.example"})
    answer = redeem(satchel).json()
    said = claims(answer["id_token"])
    assert (said["plan"], said["email"], said["sub"]) == ("gold", "a@acme.example", "alice")
    assert "plan" not in claims(answer["access_token"])


def test_an_id_token_is_the_condition(tmp_path: Path) -> None:
    def never(plan: Plan) -> dict[str, Any]:
        raise AssertionError

    satchel = own(tmp_path, customize_id_token=never)
    assert redeem(satchel, satchel.code()).status == 200
    assert satchel.token()


def test_mappings_become_json(tmp_path: Path) -> None:
    satchel = own(tmp_path, customize_access_token=lambda plan: {"set": {1}, "tuple": (1, 2), "bytes": b"\xff", 7: "x"})
    assert {"set": [1], "tuple": [1, 2], "bytes": "/w==", "7": "x"}.items() <= claims(satchel.token()).items()


@pytest.mark.parametrize("name", sorted(RESERVED_CLAIMS))
def test_no_reserved_claim_of_an_access_token(tmp_path: Path, name: str) -> None:
    satchel = own(tmp_path, customize_access_token=lambda plan: {"fine": 1, name: "hush"})
    answer = satchel.post("/token", {"grant_type": "client_credentials"}, CXF)
    assert_contained(satchel, answer, "customize_access_token", RESERVED)


@pytest.mark.parametrize("name", sorted(RESERVED_ID_CLAIMS))
def test_no_reserved_claim_of_an_id_token(tmp_path: Path, name: str) -> None:
    satchel = own(tmp_path, customize_id_token=lambda plan: {name: "hush"})
    assert_contained(satchel, redeem(satchel), "customize_id_token", RESERVED)


def test_not_even_in_disguise(tmp_path: Path) -> None:
    class Name(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return False

        __hash__ = str.__hash__

    satchel = own(tmp_path, customize_access_token=lambda plan: {Name("iss"): "hush"})
    answer = satchel.post("/token", {"grant_type": "client_credentials"}, CXF)
    assert_contained(satchel, answer, "customize_access_token", RESERVED)


def test_the_plan_is_no_way_around(tmp_path: Path) -> None:
    def meddles(plan: Plan) -> dict[str, Any]:
        plan.claims["iss"] = plan.claims["sub"] = "hush"
        plan.id_claims["iss"] = plan.id_claims["sub"] = "hush"
        return {}

    satchel = own(tmp_path, customize_access_token=meddles)
    answer = redeem(satchel).json()
    for token in (answer["access_token"], answer["id_token"]):
        assert (claims(token)["iss"], claims(token)["sub"]) == (satchel.config.issuer, "alice")


def circle() -> dict[str, Any]:
    made: dict[str, Any] = {}
    made["hush"] = made
    return made


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (None, "returned NoneType"),
        ("hush", "returned str"),
        ([("hush", 1)], "returned list"),
        ({"hush": object()}, UNCARRIED),
        ({"hush": 1 << 70}, UNCARRIED),
        ({"hush": "\ud800"}, UNCARRIED),
        ({(1, 2): "hush"}, UNCARRIED),
        (circle(), UNCARRIED),
        ({"hush": "x" * MAX_CLAIMS}, f"the claims are longer than {MAX_CLAIMS} bytes"),
    ],
)
def test_nonsense(tmp_path: Path, answer: Any, fault: str) -> None:
    satchel = own(tmp_path, customize_access_token=lambda plan: answer)
    refusal = satchel.post("/token", {"grant_type": "client_credentials"}, CXF)
    assert_contained(satchel, refusal, "customize_access_token", fault)


def test_a_failure_burns_no_code(tmp_path: Path) -> None:
    broken = [True]

    def sometimes(plan: Plan) -> dict[str, Any]:
        if broken:
            raise LookupError("hush")
        return {"fine": 1}

    satchel = own(tmp_path, customize_access_token=sometimes)
    code = satchel.code()
    assert_contained(satchel, redeem(satchel, code), "customize_access_token", "LookupError")
    broken.clear()
    answer = redeem(satchel, code)
    assert answer.status == 200
    assert claims(answer.json()["access_token"])["fine"] == 1
    assert redeem(satchel, code).json()["error"] == "invalid_grant"


def test_it_may_refuse(tmp_path: Path) -> None:
    satchel = own(tmp_path, customize_access_token=lambda plan: refuse())
    answer = satchel.post("/token", {"grant_type": "client_credentials"}, CXF)
    assert (answer.status, answer.json()["error_description"]) == (400, "the contract has ended")


def refuse() -> dict[str, Any]:
    raise OAuthError("access_denied", "the contract has ended")


def test_introspection_of_a_signed_token(tmp_path: Path) -> None:
    satchel = own(tmp_path, customize_access_token=lambda plan: {"tenant": "t-1"})
    assert satchel.introspect(satchel.token(scope="read"), API_SERVER).json()["tenant"] == "t-1"
    assert json.loads(satchel.lines[-1])["status"] == 200
