"""The Makefile is the operators' contract: every target is explained, well formed, and does what it says.

Nothing is installed: the interpreter is the one of the tests, and what would install is declared old (`make -o`).
"""

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tests.worlds.demo import DEMO, ROOT
from tests.worlds.satchel import Satchel

MAKEFILE = (ROOT / "Makefile").read_text()
(PHONY,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
TARGETS = PHONY.split()
TEXTS = dict(re.findall(r"^([a-z-]+):.*## (.*)$", MAKEFILE, re.MULTILINE))

Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def satchel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Satchel:
    """A service on the configuration, keys and memory that the targets work on; its clock is right, as theirs is."""
    monkeypatch.setattr("tests.worlds.satchel.NOW", int(time.time()))
    return Satchel(tmp_path, DEMO)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """make, on a configuration and a state directory of its own."""
    environ = {**os.environ, "CONFIG": str(tmp_path / "satchel.toml"), "SATCHEL_STATE": str(tmp_path / "var")}
    fixed = ["make", "-o", ".venv/run", "-o", ".venv/dev", f"BIN={Path(sys.executable).parent}"]

    def run(*arguments: str, told: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*fixed, *arguments], cwd=ROOT, env=environ, input=told, capture_output=True, text=True, timeout=60
        )

    return run


def printed(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_lists_every_target_with_its_text(make: Make) -> None:
    lines = [line.split(maxsplit=2) for line in printed(make()).splitlines()]
    assert {name: text for _, name, text in lines} == TEXTS
    assert sorted(TEXTS) == sorted(TARGETS)
    assert make("help").stdout == make().stdout


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_is_well_formed(make: Make, target: str) -> None:
    commands = printed(make("-n", target, "KID=a b", "ID=c", "CLIENT=d", "TOKEN=e", "FORCE=1", "JSON=f", "ALL=1"))
    assert commands.strip()
    assert "pip install" not in commands
    subprocess.run(["sh", "-n"], input=commands, text=True, check=True, timeout=20)


def test_a_clean_clone_installs_what_is_locked(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, tmp_path)
    done = subprocess.run(["make", "-n", "test"], cwd=tmp_path, capture_output=True, text=True, timeout=20)
    steps = [line for line in printed(done).splitlines() if "-m venv" in line or "pip install" in line]
    assert [step.split()[-1] for step in steps] == [".venv", "requirements.lock", "requirements-dev.lock"]
    assert all("--require-hashes" in step for step in steps[1:])


@pytest.mark.slow
def test_check(make: Make, satchel: Satchel) -> None:
    assert "no problems" in printed(make("check"))
    satchel.file.write_text(DEMO.replace('id = "spa"', 'id = "spa"\nscpoes = []'))
    done = make("check")
    assert done.returncode != 0
    assert "clients[1].scpoes: no such setting" in done.stderr
    assert "Traceback" not in done.stderr


def test_keys(make: Make, satchel: Satchel) -> None:
    table = printed(make("keys"))
    ring = satchel.store.load()
    assert {line.split()[0] for line in table.splitlines()[1:]} == {key.kid for key in ring.keys}
    assert "PRIVATE" not in table


@pytest.mark.slow
def test_rotate_keys(make: Make, satchel: Satchel) -> None:
    before = satchel.store.load()
    printed(make("rotate-keys"))
    assert satchel.store.load() == before
    printed(make("rotate-keys", "FORCE=1"))
    moved = {key.kid: key.activates for key in satchel.store.load().keys}
    assert moved.keys() > {key.kid for key in before.keys}  # bringing a standby forward stages the next
    assert any(moved[key.kid] < key.activates for key in before.keys)


@pytest.mark.slow
def test_revoke_key(make: Make, satchel: Satchel) -> None:
    kid = satchel.store.load().signer("ES256", time.time()).kid
    assert kid not in printed(make("revoke-key", f"KID={kid}"))
    assert satchel.store.load().signer("ES256", time.time()).kid != kid
    again = make("revoke-key", f"KID={kid}")
    assert again.returncode != 0
    assert kid in again.stderr
    assert make("revoke-key").returncode != 0


@pytest.mark.slow
def test_client(make: Make, satchel: Satchel) -> None:
    entry = printed(make("client", "ID=x", "GRANTS=client_credentials,refresh_token", "SCOPES=read,write"))
    satchel.file.write_text(DEMO + entry)
    assert "no problems" in printed(make("check"))
    (client,) = tomllib.loads(entry)["clients"]
    assert (client["id"], client["scopes"]) == ("x", ["read", "write"])
    assert client["grants"] == ["client_credentials", "refresh_token"]
    assert make("client", "ID=spa").returncode != 0
    assert make("client", "ID=").returncode != 0


@pytest.mark.slow
def test_explain(make: Make, satchel: Satchel) -> None:
    told = printed(make("explain", f"TOKEN={satchel.token()}"))
    assert "AccessToken (at+jwt)" in told
    assert "verdict:  valid" in told


@pytest.mark.slow
def test_revoke(make: Make, satchel: Satchel) -> None:
    token = satchel.token()
    assert satchel.introspect(token).json()["active"]
    said = printed(make("revoke", "CLIENT=123456789"))
    assert said.startswith("revoked: client 123456789, issued until now; written to the memory ")
    assert satchel.context.memory.identity in said
    assert not satchel.introspect(token).json()["active"]
    assert make("revoke").returncode != 0
    assert make("revoke", "ALL=0").returncode != 0


@pytest.mark.slow
def test_password(make: Make, satchel: Satchel) -> None:
    kept = printed(make("password", told="wonderland\n")).strip()
    Argon2id.verify_phc_encoded(b"wonderland", kept)
