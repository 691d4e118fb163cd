"""The password grant (RFC 6749 section 4.3), its users, and the hook in their place."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from service.config import ConfigError
from service.grants import GrantRequest
from service.grants.password import password
from service.protocol.form import Form
from tests.worlds.demo import ROOT
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import API, BILLING
from tests.worlds.issuers import RESOURCES, client, read
from tests.worlds.satchel import NOW, Satchel
from tests.worlds.users import ALICE


def phc(password: str) -> str:
    """A hash that costs next to nothing."""
    return Argon2id(salt=bytes(16), length=32, iterations=1, lanes=1, memory_cost=8).derive_phc_encoded(
        password.encode()
    )


BASE = RESOURCES.replace(ALICE, "")  # which has users of its own
CLIENTS = "\n".join(
    [
        client("legacy", "password", "refresh_token", scopes=["read", "write", "bill"], resources=[API, BILLING]),
        client("once", "password", scopes=["read", "write"], default_scopes=["read"]),
        '[[clients]]\nid = "spa"\nauth_methods = ["none"]\ngrants = ["password", "refresh_token"]\n',
        client("modern", "client_credentials", scopes=["read"]),
    ]
)
USERS = f"""
[[users.known]]
id = "u-1"
name = "alice"
password = "{phc("wonderland")}"
claims = {{ email = "alice@example.com" }}

[[users.known]]
id = "bob"
password = "{phc("börek 100%")}"
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("password"), BASE + CLIENTS + USERS)


@pytest.fixture
def satchel(served: Satchel) -> Satchel:
    served.now = float(NOW)
    served.lines.clear()
    return served


def ask(satchel: Satchel, username: str, password: str, as_client: str = "legacy", **more: Any) -> Answer:
    form = {"grant_type": "password", "username": username, "password": password, **more}
    return satchel.post("/token", form, basic(as_client, "s"))


def test_a_user_gets_tokens(satchel: Satchel) -> None:
    answer = ask(satchel, "alice", "wonderland").json()
    token = read(satchel, answer["access_token"])
    assert (token.sub, token.client_id, token.aud, token.scope) == ("u-1", "legacy", (API,), "read write")
    assert (token.auth_time, token.amr, token.claims) == (NOW, ("pwd",), {})
    assert answer["refresh_token"]


def test_a_user_without_a_name_logs_in_by_id(satchel: Satchel) -> None:
    assert read(satchel, ask(satchel, "bob", "börek 100%").json()["access_token"]).sub == "bob"
    assert ask(satchel, "u-1", "wonderland").status == 400


def test_the_refresh_token_goes_on_with_the_family(satchel: Satchel) -> None:
    first = ask(satchel, "alice", "wonderland", resource=[API, BILLING], scope="read bill").json()
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    token = read(satchel, satchel.post("/token", form, basic("legacy", "s")).json()["access_token"])
    before = read(satchel, first["access_token"])
    assert (token.sub, token.scope, token.aud) == ("u-1", "read bill", (API, BILLING))
    assert (token.family, token.auth_time, token.amr) == (before.family, NOW, ("pwd",))
    assert satchel.post("/token", {**form, "scope": "write"}, basic("legacy", "s")).status == 400


@pytest.mark.parametrize(("as_client", "bound"), [("spa", {"jkt": "one"}), ("legacy", {})])
def test_a_public_clients_refresh_token_is_bound_to_its_key(satchel: Satchel, as_client: str, bound: Any) -> None:
    context = satchel.app.runtime.context
    form = Form({"username": "alice", "password": "wonderland"}, {})
    who = context.registry.clients.find(as_client)
    request = GrantRequest(form, who, {"jkt": "one"}, context.registry, context.snapshot, context.ports, satchel.now)
    plan = asyncio.run(password(request))
    assert plan.cnf == {"jkt": "one"}
    assert plan.renewal is not None
    assert plan.renewal.grant.cnf == bound
    assert plan.renewal.until == NOW + satchel.config.lifetimes.refresh_absolute


def test_there_is_none_for_a_client_without_that_grant(satchel: Satchel) -> None:
    answer = ask(satchel, "alice", "wonderland", "once").json()
    assert "refresh_token" not in answer
    assert answer["scope"] == "read"


def test_unknown_names_and_wrong_passwords_are_answered_alike(satchel: Satchel) -> None:
    answers = {ask(satchel, *pair).body for pair in (("alice", "x"), ("nobody", "wonderland"), ("bob", "wonderland"))}
    assert answers == {b'{"error":"invalid_grant","error_description":"the user name or the password is wrong"}'}


@pytest.mark.parametrize("username", ["alice", "bob", "nobody"])
def test_every_refusal_takes_one_hash(satchel: Satchel, username: str) -> None:
    with mock.patch("service.users.verify", return_value=False) as verify:
        ask(satchel, username, "x")
    assert verify.call_count == 1


def test_no_password_is_logged(satchel: Satchel) -> None:
    ask(satchel, "alice", "wonderland")
    ask(satchel, "alice", "wonderlust")
    assert b"wonderl" not in b"".join(satchel.lines)


@pytest.mark.parametrize("missing", ["username", "password"])
def test_both_parameters_are_required(satchel: Satchel, missing: str) -> None:
    answer = ask(satchel, **{"username": "alice", "password": "wonderland", missing: ""})
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("form", "error"),
    [({"scope": "vault"}, "invalid_scope"), ({"resource": "https://vault.example.com"}, "invalid_target")],
)
def test_a_user_gives_no_more_than_the_client_may_ask_for(satchel: Satchel, form: Any, error: str) -> None:
    assert ask(satchel, "alice", "wonderland", **form).json()["error"] == error


def test_it_is_off_unless_a_client_has_it(satchel: Satchel) -> None:
    assert ask(satchel, "alice", "wonderland", "modern").json()["error"] == "unauthorized_client"


# Users


def test_users_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "users.toml").write_text(USERS.replace("users.known", "users"))
    satchel = Satchel(tmp_path, BASE + CLIENTS + '[users]\nfile = "users.toml"\n')
    assert ask(satchel, "alice", "wonderland").status == 200
    assert "argon2id" not in repr(satchel.config)


@pytest.mark.parametrize(
    ("users", "problem"),
    [
        ("", r"clients\[0\]\.grants: nobody can log in with a password"),
        (
            f'[[users.known]]\nid = "once"\npassword = "{phc("x")}"',
            r"users\.known\[0\]\.id: 'once' is also the id of a client",
        ),
        (
            USERS + f'[[users.known]]\nid = "bob"\npassword = "{phc("x")}"',
            r"users\.known\[2\]\.id: 'bob' is used twice",
        ),
        (
            USERS + f'[[users.known]]\nid = "c"\nname = "alice"\npassword = "{phc("x")}"',
            r"users\.known\[2\]\.name: 'alice' is used twice",
        ),
        (
            '[[users.known]]\nid = "b"\npassword = "plain"',
            r"known\[0\]\.password: is not a PHC string",
        ),
        ('[users]\nfile = "nowhere.toml"', r"users\.file: cannot be read"),
        ('[users]\nfile = "satchel.toml"', r"users\.file\.issuer: no such setting"),
        (
            USERS + '[hooks]\nauthenticate_user = "tests.grants.hooked:authenticate_user"',
            r"hooks\.authenticate_user: excludes users",
        ),
    ],
)
def test_what_is_wrong_with_users_is_named(tmp_path: Path, users: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Satchel(tmp_path, BASE + CLIENTS + users)


@pytest.mark.slow
def test_check_warns_and_is_content(tmp_path: Path) -> None:
    file = tmp_path / "satchel.toml"
    file.write_text(BASE + CLIENTS + USERS)
    command = [sys.executable, "-m", "service", "--config", str(file), "check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0
    warnings = [line for line in done.stdout.splitlines() if line.startswith("warning: ")]
    assert [line.split(": ")[1] for line in warnings] == ["clients[0].grants", "clients[1].grants", "clients[2].grants"]


@pytest.mark.slow
def test_the_command_that_hashes_a_password(make_satchel: Any) -> None:
    command = [sys.executable, "-m", "service", "password"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, input="tea party\n")
    assert (done.returncode, done.stderr) == (0, "")
    user = f'[[users.known]]\nid = "hatter"\npassword = "{done.stdout.strip()}"\n'
    satchel = make_satchel(BASE + CLIENTS + user)
    assert ask(satchel, "hatter", "tea party").status == 200
    assert ask(satchel, "hatter", "tea").status == 400
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, input="\n").returncode == 1


# The hook


@pytest.fixture
def hooked(make_satchel: Any) -> Satchel:
    satchel: Satchel = make_satchel(
        BASE + CLIENTS + '[hooks]\nauthenticate_user = "tests.grants.hooked:authenticate_user"\n'
    )
    return satchel


def test_a_hook_knows_the_users(hooked: Satchel) -> None:
    token = read(hooked, ask(hooked, "carol", "right").json()["access_token"])
    assert (token.sub, token.amr, token.acr) == ("c-1", ("pwd", "otp"), "high")
    assert ask(hooked, "carol", "wrong").json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("username", "fault"), [("crash", "ZeroDivisionError"), ("text", "returned str"), ("client", ""), ("nobody", "")]
)
def test_a_hook_that_fails_is_an_error_of_the_server(hooked: Satchel, username: str, fault: str) -> None:
    answer = ask(hooked, username, "secret in the fault")
    assert (answer.status, answer.json()["error"]) == (500, "server_error")
    assert b"secret in" not in b"".join(hooked.lines)
    if fault:
        failures = [line["fault"] for line in hooked.log if line.get("event") == "hook failed"]
        assert failures == [fault]


def test_a_hook_may_refuse_in_words_of_its_own(hooked: Satchel) -> None:
    answer = ask(hooked, "locked", "x")
    assert answer.json() == {"error": "invalid_grant", "error_description": "the account is locked"}
