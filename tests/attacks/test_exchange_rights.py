"""Token exchange across consent (attack 113): scopes belong to their resources, and revocations go along."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.decisions.resource_server.revoke import revoke_issued
from service.grants.exchange_party import ACCESS_TOKEN
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import API, BILLING, VAULT
from tests.worlds.issuers import EXCHANGE, RESOURCES, client, exchange, mint, read, revoke
from tests.worlds.satchel import Satchel

TOML = "\n".join(
    [
        RESOURCES,
        client("app", "client_credentials"),
        client("gateway", EXCHANGE, serves=[API, BILLING]),
        client("plain", "client_credentials"),
        exchange("gateway", audiences=[BILLING], scopes=["read"]),
    ]
)
GATEWAY = basic("gateway", "s")


@pytest.fixture
def satchel(tmp_path: Path) -> Satchel:
    return Satchel(tmp_path / "exchange", TOML)


def ask(satchel: Satchel, **form: Any) -> Answer:
    given = {"grant_type": EXCHANGE, "subject_token_type": ACCESS_TOKEN, **form}
    return satchel.post("/token", given, GATEWAY)


def active(satchel: Satchel, token: str) -> bool:
    return bool(satchel.introspect(token, GATEWAY).json()["active"])


def test_113_the_name_of_a_scope_is_not_carried_to_another_resource(tmp_path: Path) -> None:
    """What a person has granted as `read` at one resource is not `read` at another: only a rule says so."""
    rules = [exchange("gateway", audiences=[BILLING]), exchange("gateway", audiences=[API, VAULT], scopes=["vault"])]
    parties = [client("app", "client_credentials", scopes=["read", "write"]), client("gateway", EXCHANGE, serves=[API])]
    strict = Satchel(tmp_path / "strict", "\n".join([RESOURCES, *parties, *rules]))
    subject = {"subject_token": mint(strict, scope="read write")}
    for resource, scope in ((BILLING, ""), (VAULT, "vault"), (API, "read write")):
        answer = ask(strict, **subject, resource=resource)
        assert read(strict, answer.json()["access_token"]).scope == scope
    assert ask(strict, **subject, resource=BILLING, scope="read").json()["error"] == "invalid_scope"


CALLED_BACK: dict[str, dict[str, str]] = {
    "the client of the subject token": {"client": "app"},
    "the subject": {"subject": "alice"},
    "the client of the actor token": {"client": "plain"},
    "everything": {},
}


@pytest.mark.parametrize("named", CALLED_BACK)
def test_113_a_not_before_reaches_the_exchanged_token(satchel: Satchel, named: str) -> None:
    assert active_after(satchel, lambda: call_back_now(satchel, **CALLED_BACK[named])) == (True, False)


def test_113_the_not_before_of_another_client_does_not(satchel: Satchel) -> None:
    assert active_after(satchel, lambda: call_back_now(satchel, client="gateway-2")) == (True, True)


@pytest.mark.parametrize("role", ["subject", "actor"])
def test_113_the_revocation_of_one_token_reaches_what_was_exchanged_for_it(satchel: Satchel, role: str) -> None:
    tokens = {"subject": mint(satchel, scope="read"), "actor": mint(satchel, sub="plain", client_id="plain")}

    def revoke_it() -> None:
        revoke(satchel, read(satchel, tokens[role]).jti)

    assert active_after(satchel, revoke_it, **tokens) == (True, False)


def test_113_through_several_exchanges(satchel: Satchel) -> None:
    subject = first = mint(satchel, scope="read")
    for _ in range(3):
        subject = ask(satchel, subject_token=subject, resource=BILLING).json()["access_token"]
    assert active(satchel, subject)
    revoke(satchel, read(satchel, first).jti)
    assert not active(satchel, subject)
    assert ask(satchel, subject_token=subject, resource=BILLING).json()["error"] == "invalid_request"


def call_back_now(satchel: Satchel, **named: str) -> None:
    context = satchel.context
    asyncio.run(revoke_issued(context.memory, context.registry.config, satchel.now, **named))


def active_after(satchel: Satchel, act: Callable[[], None], subject: str = "", actor: str = "") -> tuple[bool, bool]:
    """Whether an exchanged token is active before `act`, and after it."""
    acting = {"actor_token": actor or mint(satchel, sub="plain", client_id="plain"), "actor_token_type": ACCESS_TOKEN}
    answer = ask(satchel, subject_token=subject or mint(satchel, scope="read"), **acting, resource=BILLING)
    token = answer.json()["access_token"]
    before = active(satchel, token)
    act()
    return before, active(satchel, token)
