"""`python -m service {code,revoke}`: what needs keys and memory, and reaches a service that is running."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from keys import Ring
from satchel_jose.base64url import encode
from service.__main__ import main
from service.app import key_store, load
from service.bags.kinds import AuthorizationCode
from service.bags.snapshot import Snapshot
from service.memory import open_memory
from service.protocol.digests import client_digest, uri_digest
from tests.worlds.demo import API_SERVER, CXF, DEMO, MACHINES, ROOT
from tests.worlds.gunicorn import Running
from tests.worlds.http import granted, refused
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.redis_servers import needs_redis, redis_server

REDIRECT = "http://localhost:8080/services/reservations/reserve/complete"


def challenge() -> str:
    return encode(CHALLENGE).decode()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file with keys and a state directory of its own."""
    monkeypatch.setenv("SATCHEL_STATE", str(tmp_path / "var"))
    monkeypatch.delenv("CONFIG", raising=False)
    file = tmp_path / "satchel.toml"
    file.write_text(DEMO)
    command = [sys.executable, "-m", "keys", "init", "--config", str(file)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    return file


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The command in this process: exit code, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        status = main(["--config", str(config), *arguments])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return call


Run = Callable[..., tuple[int, str, str]]


def test_a_code_is_what_a_consent_would_give(config: Path, run: Run) -> None:
    options = ["--scope", "read write", "--redirect-uri", REDIRECT, "--challenge", challenge()]
    status, out, err = run("code", "123456789", "alice", *options)
    assert (status, err) == (0, "")
    (text,) = out.splitlines()  # nothing else: a shell may take it as it is
    loaded = load(config)
    code = Snapshot(key_store(loaded).load(), loaded.issuer).open(text, (AuthorizationCode,), time.time())
    assert (code.grant.sub, code.grant.scope, code.grant.client) == ("alice", "read write", client_digest("123456789"))
    assert (code.redirect_uri, code.challenge) == (uri_digest(REDIRECT), CHALLENGE)
    assert code.grant.memory == open_memory(loaded.memory).identity


def test_no_code_for_a_client_that_is_not_there(run: Run) -> None:
    status, out, err = run("code", "nobody", "alice")
    assert (status, out) == (1, "")
    assert "nobody" in err


def test_no_code_outside_a_demo(config: Path, run: Run) -> None:
    config.write_text(DEMO.replace("demo = true\n", ""))
    status, out, err = run("code", "123456789", "alice")
    assert (status, out) == (1, "")
    assert "demo" in err


def test_a_challenge_that_cannot_be_is_named(run: Run) -> None:
    status, out, err = run("code", "spa", "alice", "--challenge", "short")
    assert (status, out) == (1, "")
    assert "code_challenge" in err


def test_no_code_without_keys(config: Path, run: Run) -> None:
    loaded = load(config)
    store = key_store(loaded)
    with store.lock():
        store.save(Ring())
    status, out, err = run("code", "spa", "alice")
    assert (status, out) == (1, "")
    assert err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--client", "spa"], "revoked: client spa, issued until now"),
        (["--subject", "alice"], "revoked: subject alice, issued until now"),
        (["--family", "abc"], "revoked: family abc, issued until now"),
        (["--client", "spa", "--subject", "alice"], "revoked: client spa, subject alice, issued until now"),
        (["--all"], "revoked: everything, issued until now"),
    ],
)
def test_revoke_tells_what_it_did_and_where(config: Path, run: Run, arguments: list[str], told: str) -> None:
    identity = begun(config)
    for _ in range(2):  # again and again
        status, out, err = run("revoke", *arguments)
        assert (status, err) == (0, "")
        assert out == f"{told}; written to the memory {identity} at {load(config).memory.path}\n"


def begun(config: Path) -> str:
    """Begin the memory, as the service does at its first start; return its identity."""

    async def act() -> str:
        memory = open_memory(load(config).memory)
        status = await memory.ready()
        await memory.close()
        return status.identity

    with capture_logs():
        return asyncio.run(act())


def test_108_revoke_makes_no_memory_where_the_service_has_none(config: Path, run: Run) -> None:
    """SATCHEL_STATE that is not the service's: a new, empty memory would report success and revoke nothing."""
    place = Path(load(config).memory.path)
    status, out, err = run("revoke", "--all")
    assert (status, out) == (1, "")
    assert str(place) in err
    assert "SATCHEL_STATE" in err
    assert not place.exists()
    assert not place.parent.exists()


@needs_redis
def test_108_revoke_begins_no_memory_in_an_empty_redis(tmp_path: Path, config: Path, run: Run) -> None:
    with redis_server(tmp_path / "redis") as server:
        config.write_text(DEMO.replace('kind = "embedded"', f'kind = "redis"\nurl = "{server.url}"\ntimeout_ms = 5000'))
        status, out, err = run("revoke", "--all")
        assert (status, out) == (1, "")
        assert "redis" in err
        assert server.send("DBSIZE") == b":0\r\n"
        identity = begun(config)
        status, out, err = run("revoke", "--all")
        assert status == 0, err
        assert f"the memory {identity} at {server.url}" in out


@pytest.mark.parametrize("arguments", [[], ["--client", ""], ["--all", "--client", "spa"]])
def test_revoke_wants_to_know_what(run: Run, arguments: list[str]) -> None:
    status, out, err = run("revoke", *arguments)
    assert (status, out) == (1, "")
    assert "ALL=1" in err


def test_revoke_with_a_memory_that_remembers_nothing(config: Path, run: Run) -> None:
    config.write_text(MACHINES.replace('kind = "embedded"', 'kind = "none"'))
    status, _, err = run("revoke", "--all")
    assert status == 1
    assert "none" in err


def test_revoke_with_a_memory_that_cannot_be_reached(config: Path, run: Run, free_port: int) -> None:
    url = f'kind = "redis"\nurl = "redis://:hidden@127.0.0.1:{free_port}/0"'
    config.write_text(DEMO.replace('kind = "embedded"', url))
    status, _, err = run("revoke", "--all")
    assert status == 1
    assert "redis" in err
    assert "hidden" not in err


def test_revoke_a_family_with_a_full_memory(config: Path, run: Run) -> None:
    config.write_text(DEMO.replace('kind = "embedded"', 'kind = "embedded"\nquotas = { revocation = 1 }'))
    begun(config)
    for arguments in (["--family", "one"], ["--family", "two"], ["--all"]):  # the operator is outside every quota
        assert run("revoke", *arguments)[0] == 0


# --- against a running service (attack 75)


def command(server: Running, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "service", *arguments],
        cwd=ROOT,
        env=server.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


def redeemed(server: Running, sub: str) -> dict[str, str]:
    options = ["--scope", "read", "--redirect-uri", REDIRECT, "--challenge", challenge()]
    code = command(server, "code", "123456789", sub, *options)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    return granted(server.post("/token", form, CXF))


def active(server: Running, token: str) -> bool:
    """What both workers say of it, for they share a memory."""
    said = {server.post("/introspect", {"token": token}, API_SERVER).json()["active"] for _ in range(6)}
    assert len(said) == 1
    return bool(said.pop())


def next_second() -> None:
    """Wait until what is issued from now on is issued later than anything until now."""
    time.sleep(1.01 - time.time() % 1)


@pytest.mark.slow
def test_75_not_befores_raised_while_tokens_live_and_raised_again(running: Running) -> None:
    alice, bob = redeemed(running, "alice"), redeemed(running, "bob")
    assert active(running, alice["access_token"])
    command(running, "revoke", "--subject", "alice")
    assert not active(running, alice["access_token"])
    assert active(running, bob["access_token"])
    refresh = {"grant_type": "refresh_token", "refresh_token": alice["refresh_token"]}
    refused(running.post("/token", refresh, CXF))

    next_second()
    again = redeemed(running, "alice")
    assert active(running, again["access_token"])
    command(running, "revoke", "--subject", "alice")
    assert not active(running, again["access_token"])

    machine = running.token()
    command(running, "revoke", "--client", "123456789")
    assert not active(running, machine)
    assert not active(running, bob["access_token"])

    next_second()
    last = redeemed(running, "bob")
    family = last["access_token"]
    assert active(running, family)
    command(running, "revoke", "--all")
    assert not active(running, family)
    next_second()
    assert active(running, running.token())


def test_the_make_target_calls_it() -> None:
    line = subprocess.run(
        ["make", "--no-print-directory", "-n", "revoke", "CLIENT=a b", "SUBJECT=", "ALL=1"],
        cwd=ROOT,
        env={**os.environ, "MAKEFLAGS": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.splitlines()[-1]
    assert '-m service revoke --client "a b"' in line
    assert line.rstrip().endswith("--all")
    assert "--subject" not in line
