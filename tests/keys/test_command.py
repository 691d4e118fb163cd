"""`python -m keys`: tables, JSON, exit codes, and no secret in any output."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from keys import KeyStore, read_master_key
from keys.__main__ import main


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATCHEL_STATE", str(tmp_path / "state"))


Out = pytest.CaptureFixture[str]


def rows(out: Out) -> list[dict[str, str | int]]:
    found: list[dict[str, str | int]] = json.loads(out.readouterr().out)["keys"]
    return found


def test_init_makes_keys_once(tmp_path: Path, capsys: Out) -> None:
    assert main(["init"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["kid", "purpose", "alg", "state", "created", "activates", "retires", "expires", "next"]
    assert [line.split()[1:4] for line in table[1:]] == [
        ["bag", "A256KW", "active"],
        ["bag", "A256KW", "standby"],
        ["sig", "ES256", "active"],
        ["sig", "ES256", "standby"],
    ]
    assert all(re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", line) for line in table[1:])
    stamp = KeyStore(tmp_path / "state" / "keys").stamp()
    assert main(["init"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == table[0]
    assert KeyStore(tmp_path / "state" / "keys").stamp() == stamp


def test_show_rotate_force_and_revoke(capsys: Out) -> None:
    assert main(["init", "--json"]) == 0
    first = rows(capsys)
    assert {row["next"] for row in first} == {"retires in 89 d", "activates in 89 d"}
    assert main(["rotate", "--json"]) == 0
    assert rows(capsys) == first
    assert main(["rotate", "--force", "--json"]) == 0
    forced = rows(capsys)
    assert {row["kid"] for row in first} < {row["kid"] for row in forced}  # bringing one forward stages the next
    assert len(forced) == len(first) + 2
    gone = str(next(row["kid"] for row in forced if row["purpose"] == "sig" and row["state"] == "active"))
    assert main(["revoke", "--json", gone]) == 0
    left = rows(capsys)
    assert gone not in {row["kid"] for row in left}
    for purpose in ("bag", "sig"):
        states = [row["state"] for row in left if row["purpose"] == purpose]
        assert states[:2] == ["active", "standby"]
        assert set(states[2:]) <= {"standby"}
    assert main(["show", "--json"]) == 0
    assert [{**row, "next": ""} for row in rows(capsys)] == [
        {**row, "next": ""} for row in left
    ]  # which goes by the clock


def test_no_output_shows_a_secret(tmp_path: Path, capsys: Out) -> None:
    main(["init"])
    for arguments in (["show"], ["show", "--json"], ["rotate", "--force"], ["revoke", "nobody"]):
        main(arguments)
    shown = "".join(capsys.readouterr())
    ring = KeyStore(tmp_path / "state" / "keys").load()
    assert not [value for key in ring.keys for value in key.secret_jwk().values() if len(value) > 8 and value in shown]


def test_refusals_name_the_path(tmp_path: Path, capsys: Out) -> None:
    assert main(["show"]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/state/keys: cannot be used: No such file or directory\n"
    main(["init"])
    path = next((tmp_path / "state" / "keys").glob("*.json"))
    path.chmod(0o604)
    capsys.readouterr()
    for arguments in (["show"], ["rotate"], ["init"], ["revoke", "x"]):
        assert main(arguments) == 1
        assert capsys.readouterr().err == f"{path}: is accessible to other users (mode 0604); run chmod 600\n"
    path.chmod(0o600)
    assert main(["revoke", "x"]) == 1
    assert capsys.readouterr().err == "no key has the kid 'x'\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["burn"],
        ["revoke"],
        ["show", "kid"],
        ["show", "--force"],
        ["init", "--rewrap"],
        ["show", "--config", "a", "--directory", "b"],
    ],
)
def test_usage(arguments: list[str], capsys: Out) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_the_configuration_is_read_from_its_own_table(tmp_path: Path, capsys: Out) -> None:
    config = tmp_path / "etc" / "satchel.toml"
    config.parent.mkdir()
    config.write_text('issuer = "x"\n[keys]\nsigning_algs = ["EdDSA", "ES384"]\nperiod = 864000\ndirectory = "ring"\n')
    assert main(["init", "--config", str(config), "--json"]) == 0
    found = rows(capsys)
    assert [row["alg"] for row in found] == ["A256KW", "A256KW", "ES384", "ES384", "EdDSA", "EdDSA"]
    assert all(int(row["retires"]) - int(row["activates"]) == 864_000 for row in found)
    assert len(list((tmp_path / "etc" / "ring").glob("*.json"))) == 6


def test_without_a_keys_table_the_defaults_hold(tmp_path: Path, capsys: Out) -> None:
    config = tmp_path / "satchel.toml"
    config.write_text("")
    assert main(["init", "--config", str(config)]) == 0
    assert len(KeyStore(tmp_path / "state" / "keys").load().keys) == 4


@pytest.mark.parametrize(
    ("toml", "faults"),
    [
        ("[keys", ["is not valid TOML"]),
        ("keys = 3", ["keys: Expected `object`, got `int`"]),
        ("[keys]\nperiodd = 3", ["keys: Object contains unknown field `periodd`"]),
        ('[keys]\nperiod = "90 days"', ["keys.period: Expected `int`, got `str`"]),
        ("[keys]\nsigning_algs = [1]", ["keys.signing_algs[0]: Expected `str`, got `int`"]),
        (
            '[keys]\nsigning_algs = ["none"]\npublish_ahead = 60',
            ["keys.signing_algs[0]: is not supported", "keys.publish_ahead: must be at least"],
        ),
        ('[keys]\nmaster_key_file = "nowhere"', ["nowhere: cannot be used: No such file"]),
    ],
)
def test_a_broken_configuration_is_named_by_path(tmp_path: Path, capsys: Out, toml: str, faults: list[str]) -> None:
    config = tmp_path / "satchel.toml"
    config.write_text(toml)
    assert main(["init", "--config", str(config)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(faults)
    for line, fault in zip(lines, faults, strict=True):
        assert fault in line
        assert line.startswith(str(tmp_path))


def test_a_configuration_that_cannot_be_read(tmp_path: Path, capsys: Out) -> None:
    assert main(["show", "--config", str(tmp_path / "no.toml")]) == 1
    assert "no.toml: cannot be read" in capsys.readouterr().err
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    assert main(["show", "--config", str(tmp_path / "latin.toml")]) == 1
    assert "latin.toml: is not valid TOML" in capsys.readouterr().err


def test_moving_to_a_master_key(tmp_path: Path, capsys: Out) -> None:
    config = tmp_path / "satchel.toml"
    master = tmp_path / "master"
    config.write_text('[keys]\ndirectory = "ring"\n')
    assert main(["init", "--config", str(config)]) == 0
    master.write_bytes(os.urandom(32))
    master.chmod(0o600)
    config.write_text('[keys]\ndirectory = "ring"\nmaster_key_file = "master"\n')
    assert tomllib.loads(config.read_text())
    before = KeyStore(tmp_path / "ring").load()
    capsys.readouterr()
    assert main(["rotate", "--config", str(config)]) == 1
    assert "python -m keys rotate --rewrap" in capsys.readouterr().err
    assert main(["rotate", "--rewrap", "--config", str(config)]) == 0
    assert KeyStore(tmp_path / "ring", read_master_key(master)).load() == before
    assert not list((tmp_path / "ring").glob("*.json"))
    master.chmod(0o644)
    assert main(["show", "--config", str(config)]) == 1
    assert "master: is accessible to other users (mode 0644)" in capsys.readouterr().err


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "keys", "init", "--directory", str(tmp_path / "d")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 5
    assert done.stderr == ""
    assert subprocess.run([*command, "--force"], capture_output=True, check=False).returncode == 2
