"""decide: the operator's own judgement on token requests, with the service's helpers."""

import asyncio
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest

from service.config.check_grants import DEVICE_CODE
from service.grants import Plan
from service.hooks import TokenRequest, User
from service.protocol.errors import OAuthError
from tests.worlds.demo import CXF, DEMO
from tests.worlds.dpop import Holder
from tests.worlds.http import Answer
from tests.worlds.issuers import read
from tests.worlds.operator_object import assert_contained, own
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.satchel import Satchel

CODE = 'decides = ["authorization_code"]'
CREDENTIALS = 'decides = ["client_credentials"]'
API_ID = "https://api.example.com"
OPENID = ("openid", "email", "read", "offline_access")

BACK = "http://localhost:8080/services/reservations/reserve/complete"


def redeem(satchel: Satchel, code: str, **form: str) -> Answer:
    return satchel.post("/token", {"grant_type": "authorization_code", "code": code, **form}, CXF)


def public(satchel: Satchel, code: str, **form: str) -> Answer:
    return satchel.post("/token", {"grant_type": "authorization_code", "client_id": "spa", "code": code, **form})


def by_credentials(satchel: Satchel, **form: str) -> Answer:
    return satchel.post("/token", {"grant_type": "client_credentials", **form}, CXF)


def id_claims(answer: Answer) -> dict[str, Any]:
    said: dict[str, Any] = jwt.decode(answer.json()["id_token"], options={"verify_signature": False})
    return said


async def judges(request: TokenRequest) -> Any:
    return await request.judge()


def redeems(request: TokenRequest) -> Plan:
    return request.redeem(request.open_code(), claims={"tenant": "t-1"}, id_claims={"tier": "gold"})


# --- whose requests it judges


def test_only_those_of_its_grant_types(tmp_path: Path) -> None:
    asked: list[str] = []
    satchel = own(tmp_path, CREDENTIALS, decide=lambda request: asked.append(request.grant_type))
    assert redeem(satchel, satchel.code()).status == 200
    assert asked == []
    assert by_credentials(satchel).json()["error"] == "invalid_request"
    assert asked == ["client_credentials"]


def test_the_client_has_proved_itself_and_may_use_the_grant(tmp_path: Path) -> None:
    asked: list[str] = []
    satchel = own(tmp_path, CREDENTIALS, decide=lambda request: asked.append(request.client.id))
    assert satchel.post("/token", {"grant_type": "client_credentials", "client_id": "123456789"}).status == 401
    assert satchel.post("/token", {"grant_type": "client_credentials", "client_id": "spa"}).json()["error"] == (
        "unauthorized_client"
    )
    assert asked == []


# --- what it may answer


def test_none_is_invalid_request(tmp_path: Path) -> None:
    satchel = own(tmp_path, CREDENTIALS, decide=lambda request: None)
    answer = by_credentials(satchel)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("code", ["authorization_pending", "slow_down", "expired_token", "access_denied"])
@pytest.mark.parametrize("raised", [True, False])
def test_errors_of_a_device(tmp_path: Path, code: Any, raised: bool) -> None:
    def decide(request: TokenRequest) -> OAuthError:
        error = OAuthError(code, "because")
        if raised:
            raise error
        return error

    satchel = own(tmp_path, f'decides = ["{DEVICE_CODE}"]', decide=decide)
    answer = satchel.post("/token", {"grant_type": DEVICE_CODE, "client_id": "tv", "device_code": "x"})
    assert (answer.status, answer.json()) == (400, {"error": code, "error_description": "because"})


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"access_token": "hush"}, "returned dict"),
        ("hush", "returned str"),
        (False, "returned bool"),
        ({"audiences": ()}, "the plan has no audience"),
        ({"subject": ""}, "the plan has no subject"),
        ({"client_id": "spa"}, "the plan is for another client"),
        ({"claims": {"iss": "hush"}}, "a claim is reserved for the service"),
        ({"id_claims": {"sub": "hush"}}, "a claim is reserved for the service"),
        ({"claims": {"hush": object()}}, "the claims cannot be encoded"),
    ],
)
def test_nonsense(tmp_path: Path, answer: Any, fault: str) -> None:
    def decide(request: TokenRequest) -> Any:
        return answer if fault.startswith("returned") else request.mint(**answer)

    satchel = own(tmp_path, CREDENTIALS, decide=decide)
    assert_contained(satchel, by_credentials(satchel), "decide", fault)


def test_one_that_fails_or_sleeps(tmp_path: Path) -> None:
    async def decide(request: TokenRequest) -> None:
        if request.form.get("scope") == "read":
            raise LookupError("hush")
        await asyncio.sleep(60)

    satchel = own(tmp_path, CREDENTIALS + "\ntimeout = 0.1", decide=decide)
    assert_contained(satchel, by_credentials(satchel, scope="read"), "decide", "LookupError")
    assert_contained(satchel, by_credentials(satchel), "decide", "took longer than 0.1 s")


# --- the service's own judgement


def test_it_can_leave_the_judgement_to_the_service(tmp_path: Path) -> None:
    grants = ["authorization_code", "client_credentials", "refresh_token", "password", DEVICE_CODE]
    satchel = own(tmp_path, f"decides = {grants}", decide=judges)
    assert by_credentials(satchel, scope="read").json()["token_type"] == "Bearer"
    answer = redeem(satchel, satchel.code(scopes=OPENID))
    assert (answer.status, id_claims(answer)["sub"]) == (200, "alice")
    again = satchel.post(
        "/token", {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"]}, CXF
    )
    assert again.status == 200
    wrong = {"grant_type": "password", "username": "alice", "password": "x"}
    assert satchel.post("/token", wrong, CXF).json()["error"] == "invalid_grant"
    device = satchel.post("/device_authorization", {"client_id": "tv"}).json()["device_code"]
    poll = {"grant_type": DEVICE_CODE, "client_id": "tv", "device_code": device}
    assert satchel.post("/token", poll).json()["error"] == "authorization_pending"
    assert satchel.post("/token", poll).json()["error"] == "slow_down"


def test_it_judges_each_request_anew(tmp_path: Path) -> None:
    """The service remembers its own plan for a request that a machine repeats; the operator's word may change."""
    closed: list[bool] = []

    async def decide(request: TokenRequest) -> Any:
        return OAuthError("access_denied", "closed") if closed else await request.judge()

    satchel = own(tmp_path, CREDENTIALS, decide=decide)
    assert [by_credentials(satchel).status for _ in range(3)] == [200] * 3
    closed.append(True)
    assert by_credentials(satchel).json()["error"] == "access_denied"


def test_it_can_narrow_what_the_service_would_give(tmp_path: Path) -> None:
    async def decide(request: TokenRequest) -> Any:
        return msgspec.structs.replace(await request.judge(), scopes=("read",))  # type: ignore[type-var]

    satchel = own(tmp_path, CREDENTIALS, decide=decide)
    answer = by_credentials(satchel, scope="read write").json()
    assert (answer["scope"], read(satchel, answer["access_token"]).scope) == ("read", "read")


# --- codes


def test_a_code_redeemed(tmp_path: Path) -> None:
    satchel = own(tmp_path, CODE, decide=redeems)
    code = satchel.code(
        scopes=OPENID,
        redirect_uri=BACK,
        challenge=CHALLENGE,
        nonce="n",
    )
    form = {"redirect_uri": BACK, "code_verifier": VERIFIER}
    answer = redeem(satchel, code, **form)
    token = read(satchel, answer.json()["access_token"])
    assert (token.sub, token.claims["tenant"], token.scope) == ("alice", "t-1", "openid email read offline_access")
    assert (id_claims(answer)["tier"], id_claims(answer)["nonce"]) == ("gold", "n")
    assert answer.json()["refresh_token"]
    assert redeem(satchel, code, **form).json()["error"] == "invalid_grant"
    assert satchel.introspect(answer.json()["access_token"]).json() == {"active": False}


@pytest.mark.parametrize(
    ("members", "form"),
    [
        ({"challenge": CHALLENGE}, {}),
        ({"challenge": CHALLENGE}, {"code_verifier": "x" * 43}),
        ({}, {"code_verifier": VERIFIER}),
        ({"redirect_uri": BACK}, {}),
        (
            {"redirect_uri": BACK},
            {"redirect_uri": "http://127.0.0.1/other"},
        ),
        ({"client_id": "spa", "challenge": CHALLENGE}, {"code_verifier": VERIFIER}),
    ],
)
def test_a_code_that_is_not_good(tmp_path: Path, members: dict[str, Any], form: dict[str, str]) -> None:
    satchel = own(tmp_path, CODE, decide=redeems)
    assert redeem(satchel, satchel.code(**members), **form).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("members", [{}, {"challenge": CHALLENGE}])
def test_pkce_cannot_be_forgotten(tmp_path: Path, members: dict[str, Any]) -> None:
    satchel = own(tmp_path, CODE, decide=redeems)
    answer = public(satchel, satchel.code(client_id="spa", scopes=("read",), **members))
    assert answer.json()["error"] == "invalid_grant"
    good = satchel.code(client_id="spa", scopes=("read",), challenge=CHALLENGE)
    assert public(satchel, good, code_verifier=VERIFIER).status == 200


def test_pkce_by_hand(tmp_path: Path) -> None:
    """For codes of the operator's own."""

    def decide(request: TokenRequest) -> Plan | None:
        request.verify_pkce(CHALLENGE)
        return request.mint(User("u-1")) if request.form.get("code") == "my-own" else None

    satchel = own(tmp_path, CODE, decide=decide)
    assert redeem(satchel, "my-own", code_verifier=VERIFIER).status == 200
    assert redeem(satchel, "my-own", code_verifier="x" * 43).json()["error"] == "invalid_grant"
    assert redeem(satchel, "other", code_verifier=VERIFIER).json()["error"] == "invalid_request"


# --- minting


def test_tokens_for_the_client(tmp_path: Path) -> None:
    satchel = own(tmp_path, CREDENTIALS, decide=lambda request: request.mint(scope="read", claims={"n": 1}))
    answer = by_credentials(satchel, scope="read write", resource=API_ID).json()
    token = read(satchel, answer["access_token"])
    assert (token.sub, token.client_id, token.scope, token.claims, token.aud) == (
        "123456789",
        "123456789",
        "read",
        {"n": 1},
        (API_ID,),
    )
    assert answer["scope"] == "read"
    assert by_credentials(satchel, resource="https://nowhere.example").json()["error"] == "invalid_target"


def test_no_tokens_for_a_client_that_has_proved_nothing(tmp_path: Path) -> None:
    satchel = own(tmp_path, CODE, decide=lambda request: request.mint())
    assert public(satchel, "x").json()["error"] == "unauthorized_client"


def test_tokens_for_a_person(tmp_path: Path) -> None:
    user = User("u-1", ("otp",), "high", {"email": "a@acme.example", "phone_number": "1"})
    satchel = own(
        tmp_path,
        CREDENTIALS,
        decide=lambda request: request.mint(user, scope="openid email read offline_access", id_claims={"tier": 1}),
        toml=DEMO.partition("[[users.known]]")[0].replace('"password",', ""),
        authenticate_user=lambda username, password: None,
    )
    answer = by_credentials(satchel)
    token, said = read(satchel, answer.json()["access_token"]), id_claims(answer)
    assert (token.sub, token.amr, token.acr, token.auth_time) == ("u-1", ("otp",), "high", satchel.now)
    assert (said["sub"], said["tier"], said["acr"], said["auth_time"]) == ("u-1", 1, "high", satchel.now)
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert satchel.get("/userinfo", bearer).json() == {"sub": "u-1", "email": "a@acme.example"}
    form = {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"]}
    satchel.now += 1
    again = satchel.post("/token", form, CXF)
    assert read(satchel, again.json()["access_token"]).sub == "u-1"


@pytest.mark.parametrize("sub", ["spa", "123456789"])
def test_a_person_is_no_client(tmp_path: Path, sub: str) -> None:
    satchel = own(tmp_path, CREDENTIALS, decide=lambda request: request.mint(User(sub)))
    assert by_credentials(satchel).json()["error"] == "server_error"
    assert (
        satchel.log[-1]["reason"]
        == "the user has no id, an id that is too long or not printable, or the id of a client"
    )


def test_tokens_are_bound_to_the_key_that_was_proved(tmp_path: Path) -> None:
    satchel = own(tmp_path, CREDENTIALS, decide=lambda request: request.mint(User("u-1")))
    holder = Holder()
    url = satchel.config.issuer + "/token"
    headers = {**CXF, "DPoP": holder.proof(satchel.now, url)}
    answer = satchel.post("/token", {"grant_type": "client_credentials"}, headers)
    assert answer.json()["token_type"] == "DPoP"
    assert read(satchel, answer.json()["access_token"]).cnf == {"jkt": holder.jkt}
    assert satchel.post("/token", {"grant_type": "client_credentials"}, headers).json()["error"] == "invalid_dpop_proof"
