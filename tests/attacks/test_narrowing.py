"""What is granted is compared as JSON, and a subject has one rule (attacks 116 and 117), whoever names it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from service.bags.kinds import Login
from service.config import ConfigError
from service.decision_api.create import TokenCreateRequest, create
from service.decision_api.wire import CallersFault
from service.decisions.session.session import new_session
from service.grants.exchange_party import ACCESS_TOKEN
from service.protocol.authorization_details import narrow_details
from service.protocol.errors import OAuthError
from service.protocol.json_values import equal
from service.protocol.ports import User
from tests.worlds.demo import DEMO
from tests.worlds.http import basic
from tests.worlds.identifiers import BILLING
from tests.worlds.issuers import EXCHANGE, IDP, JWT_BEARER, PARTNER, RESOURCES, client, exchange, issuer, mint
from tests.worlds.operator_object import own
from tests.worlds.satchel import Satchel

ALIKE = [(1, True), (0, False), (1.0, 1), (0.0, False), ("1", 1), (None, False), ([], {})]


@pytest.mark.parametrize(("one", "other"), [*ALIKE, *(pair[::-1] for pair in ALIKE)])
def test_116_values_of_two_types_are_two_values(one: Any, other: Any) -> None:
    granted = [{"type": "payment", "amount": {"value": one}}]
    with pytest.raises(OAuthError, match="invalid_authorization_details"):
        narrow_details(json.dumps([{"type": "payment", "amount": {"value": other}}]), granted)
    assert not equal({"a": [one]}, {"a": [other]})


def test_116_the_granted_element_is_issued_and_once() -> None:
    granted = [{"type": "payment", "amount": {"value": "9", "currency": "EUR"}}, {"type": "accounts"}]
    named = '[{"amount": {"currency": "EUR", "value": "\\u0039"}, "type": "payment"}]'
    assert narrow_details(named, granted)[0] is granted[0]
    assert narrow_details(f"[{named[1:-1]}, {named[1:-1]}]", granted) == granted[:1]


def test_116_may_act(tmp_path: Path) -> None:
    text = RESOURCES + client("app", EXCHANGE) + exchange("app", audiences=[BILLING])
    satchel = Satchel(tmp_path, text)
    form = {"grant_type": EXCHANGE, "subject_token_type": ACCESS_TOKEN, "resource": BILLING}
    for wanted, status in (({"sub": "app"}, 200), ({"sub": "app", "admin": True}, 400), ({"sub": ["app"]}, 400)):
        form["subject_token"] = mint(satchel, claims={"may_act": wanted})
        assert satchel.post("/token", form, basic("app", "s")).status == status


UNFIT = {
    "empty": "",
    "control": "al\nice",
    "NUL": "al\0ice",
    "DEL": "al\x7fice",
    "C1": "al\x85ice",
    "not ASCII": "алиса",
    "bidirectional": "ali\u202ece",
    "256 characters": "a" * 256,
    "3,000 characters": "a" * 3000,
    "the id of a client": "app",
}
TOML = "\n".join(
    [
        RESOURCES,
        client(
            "app", JWT_BEARER, EXCHANGE, "authorization_code", "password", redirect_uris=["https://app.example.com/"]
        ),
        issuer(IDP, "jwt_bearer", "token_exchange"),
        issuer(PARTNER, "jwt_bearer", subjects="ours"),
        exchange("app", audiences=[BILLING], subjects=[IDP.iss]),
    ]
)


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("subjects"), TOML)


@pytest.mark.parametrize("unfit", UNFIT)
def test_117_from_a_login(satchel: Satchel, unfit: str) -> None:
    with pytest.raises(OAuthError, match="server_error"):
        new_session(satchel.context, Login(UNFIT[unfit], 0), satchel.now)


@pytest.mark.parametrize("unfit", UNFIT)
def test_117_from_an_issuer(satchel: Satchel, unfit: str) -> None:
    """The authority on our users is held to the rule; the subjects of another issuer are written as URIs."""
    form = {"grant_type": JWT_BEARER, "assertion": PARTNER.sign(sub=UNFIT[unfit])}
    assert satchel.post("/token", form, basic("app", "s")).json()["error"] == "invalid_grant"
    if unfit not in ("not ASCII", "the id of a client"):
        form["assertion"] = IDP.sign(sub=UNFIT[unfit])
        assert satchel.post("/token", form, basic("app", "s")).json()["error"] == "invalid_grant"


def test_117_from_an_actor(satchel: Satchel) -> None:
    form = {"grant_type": JWT_BEARER, "assertion": IDP.sign(act={"sub": "a\nb"})}
    assert satchel.post("/token", form, basic("app", "s")).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("unfit", [name for name in UNFIT if name != "the id of a client"])
def test_117_from_the_configuration(tmp_path: Path, unfit: str) -> None:
    with pytest.raises(ConfigError, match=r"users\.known|control|character"):
        Satchel(tmp_path, RESOURCES.replace('id = "alice"', f"id = {json.dumps(UNFIT[unfit])}"))


@pytest.mark.parametrize("unfit", UNFIT)
def test_117_from_a_hook(tmp_path: Path, unfit: str) -> None:
    sub = "123456789" if unfit == "the id of a client" else UNFIT[unfit]
    demo = DEMO.partition("[[users.known]]")[0]
    satchel = own(tmp_path, toml=demo, authenticate_user=lambda username, password: User(sub))
    form = {"grant_type": "password", "username": "a", "password": "b"}
    answer = satchel.post("/token", form, basic("123456789", "987654321"))
    assert (answer.status, answer.json()["error"]) == (500, "server_error")


@pytest.mark.parametrize("unfit", UNFIT)
def test_117_from_a_caller_of_the_decision_api(satchel: Satchel, unfit: str) -> None:
    request = TokenCreateRequest(grant_type="PASSWORD", client_id="app", subject=UNFIT[unfit])
    with pytest.raises(CallersFault):
        asyncio.run(create(satchel.context, request, satchel.now))
