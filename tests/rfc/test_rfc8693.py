"""RFC 8693, OAuth 2.0 Token Exchange: the sentences that say MUST, each with the section that says it."""

from typing import Any

import pytest

from service.grants.exchange_party import ACCESS_TOKEN, ID_TOKEN, JWT
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import API, BILLING, VAULT
from tests.worlds.issuers import EXCHANGE, RESOURCES, client, exchange, mint, read, revoke
from tests.worlds.satchel import NOW, Satchel
from tests.worlds.users import user

TOML = "\n".join(
    [
        RESOURCES,
        client("app", EXCHANGE, serves=[API, VAULT]),
        client("somebody"),
        user("two"),
        user("admin"),
        client("bare", EXCHANGE),
        exchange("app", audiences=[API, BILLING], scopes=["read", "write"]),
        exchange("app", audiences=[VAULT], scopes=["vault"]),
    ]
)


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("rfc8693"), TOML)


def ask(satchel: Satchel, **form: Any) -> Answer:
    good = {"grant_type": EXCHANGE, "subject_token": mint(satchel), "subject_token_type": ACCESS_TOKEN}
    return satchel.post("/token", {**good, "resource": BILLING, **form}, basic("app", "s"))


def test_2_1_grant_type_is_the_uri(satchel: Satchel) -> None:
    assert ask(satchel).status == 200
    assert ask(satchel, grant_type="token-exchange").json()["error"] == "unsupported_grant_type"


def test_2_1_several_resources_and_audiences_may_be_named(satchel: Satchel) -> None:
    token = read(satchel, ask(satchel, resource=[BILLING], audience=[API]).json()["access_token"])
    assert token.aud == (BILLING, API)


@pytest.mark.parametrize("name", ["subject_token", "subject_token_type"])
def test_2_1_required_parameters(satchel: Satchel, name: str) -> None:
    assert ask(satchel, **{name: ""}).json()["error"] == "invalid_request"


def test_2_1_actor_token_type_is_required_with_an_actor_token_and_forbidden_without(satchel: Satchel) -> None:
    assert ask(satchel, actor_token=mint(satchel)).json()["error"] == "invalid_request"
    assert ask(satchel, actor_token_type=ACCESS_TOKEN).json()["error"] == "invalid_request"


def test_2_2_1_the_answer(satchel: Satchel) -> None:
    answer = ask(satchel)
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.keys() == {"access_token", "issued_token_type", "token_type", "expires_in", "scope"}
    assert (body["issued_token_type"], body["token_type"]) == (ACCESS_TOKEN, "Bearer")


def test_2_2_1_scope_is_repeated_where_it_differs_from_the_request(satchel: Satchel) -> None:
    assert ask(satchel, scope="read write").json()["scope"] == "read"
    assert "scope" not in ask(satchel, scope="read").json()


@pytest.mark.parametrize("party", ["subject_token", "actor_token"])
@pytest.mark.parametrize("fault", ["garbage", "expired", "revoked", "wrong type"])
def test_2_2_2_a_token_that_is_not_acceptable_for_any_reason_is_an_invalid_request(
    satchel: Satchel, party: str, fault: str
) -> None:
    token = {
        "garbage": "garbage",
        "expired": mint(satchel, exp=NOW),
        "revoked": mint(satchel, jti="revoked"),
        "wrong type": mint(satchel),
    }[fault]
    revoke(satchel, "revoked")
    kind = ID_TOKEN if fault == "wrong type" else ACCESS_TOKEN
    answer = ask(satchel, **{party: token, f"{party}_type": kind})
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_2_2_2_an_unwilling_server_says_invalid_target(satchel: Satchel) -> None:
    for form in ({"resource": "https://unknown.example"}, {"resource": [VAULT, API]}, {"audience": "app"}):
        assert ask(satchel, **form).json()["error"] == "invalid_target"


def test_3_token_types(satchel: Satchel) -> None:
    assert ask(satchel, requested_token_type=JWT).json()["issued_token_type"] == JWT
    assert ask(satchel, requested_token_type=ACCESS_TOKEN).json()["issued_token_type"] == ACCESS_TOKEN
    unknown = "urn:ietf:params:oauth:token-type:saml1"
    assert ask(satchel, requested_token_type=unknown).json()["error"] == "invalid_request"


def test_4_1_the_current_actor_is_outermost(satchel: Satchel) -> None:
    subject = mint(satchel, act={"sub": "one"})
    for actor, chain in (("two", {"sub": "two", "act": {"sub": "one"}}), ("", {"sub": "one"})):
        acting = {"actor_token": mint(satchel, sub=actor), "actor_token_type": ACCESS_TOKEN} if actor else {}
        token = read(satchel, ask(satchel, subject_token=subject, **acting).json()["access_token"])
        assert token.act == chain


def test_4_3_client_id_is_the_client_that_asked(satchel: Satchel) -> None:
    subject = mint(satchel, client_id="somebody")
    assert read(satchel, ask(satchel, subject_token=subject).json()["access_token"]).client_id == "app"


def test_4_4_may_act(satchel: Satchel) -> None:
    acting = {"actor_token": mint(satchel, sub="admin"), "actor_token_type": ACCESS_TOKEN}
    for may_act, status in (({"sub": "admin"}, 200), ({"sub": "user"}, 400)):
        assert ask(satchel, subject_token=mint(satchel, claims={"may_act": may_act}), **acting).status == status


def test_5_a_client_without_a_rule_can_exchange_nothing(satchel: Satchel) -> None:
    form = {
        "grant_type": EXCHANGE,
        "subject_token": mint(satchel, client_id="bare"),
        "subject_token_type": ACCESS_TOKEN,
    }
    answer = satchel.post("/token", form, basic("bare", "s"))
    assert (answer.status, answer.json()["error"]) == (400, "unauthorized_client")
