"""A grant of the operator's own (RFC 6749 section 4.5): loaded at the start, listed, and its faults contained."""

from typing import Any

import pytest

from service.config import ConfigError
from service.grants import GRANTS
from service.grants.exchange_party import ACCESS_TOKEN
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import API, VAULT
from tests.worlds.issuers import EXCHANGE, RESOURCES, client, exchange, read
from tests.worlds.satchel import Satchel

TICKET = "https://example.com/grants/ticket"
CLIENTS = "\n".join(
    [
        client("hall", TICKET, scopes=["read"], resources=[API, VAULT]),
        client("other", "client_credentials", scopes=["read"]),
        client("gateway", EXCHANGE, serves=[API, VAULT]),
        client("thief", EXCHANGE, serves=[API, VAULT]),
        exchange("gateway", "thief", audiences=[API]),
    ]
)
HOOKS = f'[hooks.grants]\n"{TICKET}" = "tests.grants.hooked:ticket"\n'


@pytest.fixture
def satchel(make_satchel: Any) -> Satchel:
    made: Satchel = make_satchel(RESOURCES + CLIENTS + HOOKS)
    return made


def ask(satchel: Satchel, ticket: str, as_client: str = "hall", **more: Any) -> Answer:
    return satchel.post("/token", {"grant_type": TICKET, "ticket": ticket, **more}, basic(as_client, "s"))


@pytest.mark.parametrize("resource", [API, VAULT])
def test_it_issues_tokens(satchel: Satchel, resource: str) -> None:
    token = read(satchel, ask(satchel, "good", resource=resource).json()["access_token"])
    assert (token.sub, token.aud, token.scope, token.claims) == ("visitor", (resource,), "read", {"seat": 7})
    assert satchel.log[-1]["grant_type"] == TICKET


def test_metadata_lists_it(satchel: Satchel) -> None:
    listed = satchel.get("/.well-known/oauth-authorization-server").json()["grant_types_supported"]
    assert set(listed) <= {*GRANTS, TICKET}
    assert TICKET in listed


def test_it_is_of_that_configuration_alone(satchel: Satchel, make_satchel: Any) -> None:
    other = make_satchel(RESOURCES + CLIENTS.replace(TICKET, "client_credentials"))
    assert ask(other, "good").json()["error"] == "unsupported_grant_type"
    assert ask(satchel, "good").status == 200
    assert TICKET not in GRANTS


def test_a_client_needs_to_have_it(satchel: Satchel) -> None:
    assert ask(satchel, "good", "other").json()["error"] == "unauthorized_client"


def test_it_may_block(make_satchel: Any) -> None:
    satchel = make_satchel(RESOURCES + CLIENTS + HOOKS.replace(":ticket", ":synchronous"))
    assert read(satchel, ask(satchel, "any").json()["access_token"]).sub == "blocker"


def test_it_may_refuse(satchel: Satchel) -> None:
    answer = ask(satchel, "refuse")
    assert (answer.status, answer.json()["error_description"]) == (400, "no such ticket")


@pytest.mark.parametrize(
    ("ticket", "fault"),
    [
        ("crash", "LookupError"),
        ("unheard of", "KeyError"),
        ("text", "returned str"),
        ("nowhere", "the plan has no audience"),
        ("other", "the plan is for another client"),
        ("forge", "a claim is reserved for the service"),
        ("forge-may_act", "a claim is reserved for the service"),
        ("forge-scope", "a claim is reserved for the service"),
    ],
)
def test_its_faults_are_the_servers_and_are_logged_by_class(satchel: Satchel, ticket: str, fault: str) -> None:
    answer = ask(satchel, ticket, secret="hush")
    assert (answer.status, answer.json()["error"]) == (500, "server_error")
    assert {"event": "hook failed", "hook": "tests.grants.hooked:ticket", "fault": fault}.items() <= satchel.log[
        0
    ].items()
    assert b"hush" not in b"".join(satchel.lines) + answer.body


@pytest.mark.parametrize("resource", [API, VAULT])
def test_it_may_say_who_may_act(satchel: Satchel, resource: str) -> None:
    subject = ask(satchel, "may_act", resource=resource).json()["access_token"]
    form = {"grant_type": EXCHANGE, "subject_token": subject, "subject_token_type": ACCESS_TOKEN}
    assert satchel.post("/token", form, basic("gateway", "s")).status == 200
    assert satchel.post("/token", form, basic("thief", "s")).json()["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("grant_type", "path", "problem"),
    [
        (TICKET, "tests.grants.hooked", "must be written as package.module:name"),
        (TICKET, ":ticket", "must be written as package.module:name"),
        (TICKET, "tests.grants.nowhere:ticket", "No module named"),
        (TICKET, "tests.grants.hooked:nothing", "has no attribute 'nothing'"),
        (TICKET, "tests.grants.hooked:BROKEN", "is not a function"),
        (TICKET, "tests.grants.raising:ticket", r"cannot be imported: RuntimeError$"),
        ("password", "tests.grants.hooked:ticket", "is a built-in grant"),
        (EXCHANGE, "tests.grants.hooked:ticket", "is a built-in grant"),
        ("ticket", "tests.grants.hooked:ticket", "must be an absolute URI"),
    ],
)
def test_a_fault_in_its_path_is_named(make_satchel: Any, grant_type: str, path: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=f"hooks.grants.{grant_type}: .*{problem}"):
        make_satchel(RESOURCES + f'[hooks.grants]\n"{grant_type}" = "{path}"\n')


def test_the_other_hooks_are_checked_too(make_satchel: Any) -> None:
    with pytest.raises(ConfigError, match=r"hooks\.authenticate_user: 'x': must be written as package\.module:name"):
        make_satchel(RESOURCES + '[hooks]\nauthenticate_user = "x"\n')
