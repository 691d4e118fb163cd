"""`python -m service {check,client}`: exit codes, and what is printed where."""

import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from service.__main__ import main
from service.app import load
from service.new_client import new_client
from tests.worlds.demo import DEMO, ROOT
from tests.worlds.http import basic
from tests.worlds.satchel import Satchel


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SATCHEL_STATE", str(tmp_path / "var"))
    file = tmp_path / "satchel.toml"
    file.write_text(DEMO)
    return file


def run(config: Path, *arguments: str) -> int:
    return main(["--config", str(config), *arguments])


def test_check_finds_nothing(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "check") == 0
    assert "no problems" in capsys.readouterr().out


def test_check_names_every_problem_and_exits_with_1(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(DEMO.replace('id = "vault"', 'id = "api"').replace('["read", "write"]', '["two words"]'))
    assert run(config, "check") == 1
    config.write_text(DEMO.replace('id = "vault"', 'id = "api"') + '[endpoints]\ntoken = "/jwks"\n')
    capsys.readouterr()
    assert run(config, "check") == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{config}: ") for line in lines)
    assert any(": endpoints: " in line for line in lines)
    assert any(".id: 'api' is used twice" in line for line in lines)


def test_check_of_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nowhere.toml", "check") == 1
    assert "nowhere.toml" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["explain"], ["client"]])
def test_usage_is_2(config: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(config, *arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.slow
def test_make_check(config: Path) -> None:
    environ = {**os.environ, "CONFIG": str(config)}
    command = [sys.executable, "-m", "service", "check"]
    assert subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, timeout=30).returncode == 0
    config.write_text(DEMO + "colour = 1\n")
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert ".colour: no such setting" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_new_clients_entry_loads_and_its_secret_authenticates(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, "client", 'new "client" + \\ /', "--scopes", "read,write") == 0
    printed = capsys.readouterr().out
    secret = printed.strip().splitlines()[-1].removeprefix("# ")
    assert len(secret) == 43
    satchel = Satchel(tmp_path / "served", DEMO + "\n" + printed)
    answer = satchel.post("/token", {"grant_type": "client_credentials"}, basic('new "client" + \\ /', secret))
    assert answer.status == 200
    assert answer.json()["scope"] == "read write"
    assert secret.encode() not in b"".join(satchel.lines)


def test_a_new_clients_entry_keeps_the_digest_alone(config: Path) -> None:
    printed = new_client(load(config, {}), "new", ["client_credentials"], [])
    *entry, secret = printed.splitlines()
    secret = secret.removeprefix("# ")
    assert sha256(secret.encode()).hexdigest() in "\n".join(entry)
    assert secret not in "\n".join(entry)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret)


def test_no_two_secrets_are_alike(config: Path) -> None:
    loaded = load(config, {})
    assert len({new_client(loaded, "new", ["client_credentials"], [])[-43:] for _ in range(20)}) == 20


@pytest.mark.parametrize("client_id", ["api", "", "é", "new\nline", "x" * 901])
def test_an_id_that_cannot_be(config: Path, client_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "client", client_id) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err


def test_a_scope_that_cannot_be(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "client", "new", "--scopes", 'a"b') == 1
    assert capsys.readouterr().out == ""
