"""Attack 106: what was acknowledged is not forgotten unnoticed, by a power cut or the loss of a part of the memory."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.memory import Memory, MemorySettings, MemoryUnavailable, open_memory
from tests.memory.entries import values
from tests.worlds.demo import ROOT
from tests.worlds.http import granted, refused
from tests.worlds.refresh_chains import RefreshChains

NOW = 1_800_000_000
UNTIL = NOW + 600


def log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def killed(act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Give what `act` has returned in a process that was killed (SIGKILL) right after."""
    there, here = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(here, json.dumps(act()).encode())
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(here)
    with os.fdopen(there, "rb") as pipe:
        text = pipe.read()
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    return dict(json.loads(text))


def copy_over(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").rename(path)


def restore_an_old_log(path: Path) -> None:
    log = log_of(path)
    shutil.copy(log, path.with_name("copy"))
    path.with_name("copy").rename(log)


LOSSES: dict[str, Callable[[Path], None]] = {
    "the log is deleted": lambda path: log_of(path).unlink(),
    "the log is emptied": lambda path: log_of(path).write_bytes(b""),
    "the log is another": restore_an_old_log,
    "the file is a copy": copy_over,
    "the host went down": lambda path: None,
}


def another_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.memory.embedded_mark.boot_id", lambda: "another boot")


@pytest.mark.parametrize("loss", LOSSES)
def test_106_nothing_used_or_revoked_is_good_again(tmp_path: Path, loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    service = RefreshChains(tmp_path)

    def use() -> dict[str, Any]:
        code, revoked = service.code("web"), service.begin("web")
        granted(service.redeem(code, "web"))
        rotated = service.begin("spa")
        granted(service.refresh(rotated["refresh_token"], "spa"))
        service.revoke(revoked["refresh_token"], "web")
        return {
            "code": code,
            "revoked": revoked["refresh_token"],
            "rotated": rotated["refresh_token"],
            "identity": service.context.memory.identity,
            "since": service.context.memory.since(),
        }

    kept = killed(use)
    LOSSES[loss](Path(service.config.memory.path))
    if loss == "the host went down":
        another_boot(monkeypatch)
    service.now += 5
    with capture_logs() as logs:
        assert service.context.memory.since() > kept["since"]
    assert [entry["event"] for entry in logs] == ["memory incomplete"]
    service.now += 35  # no mere late duplicate any more
    assert service.context.memory.identity == kept["identity"]
    refused(service.redeem(kept["code"], "web"))
    refused(service.refresh(kept["rotated"], "spa"))
    refused(service.refresh(kept["revoked"], "web"))
    granted(service.redeem(service.code("web"), "web"))  # what is issued now is good


def test_106_a_kill_forgets_nothing_and_ends_no_grant(tmp_path: Path) -> None:
    service = RefreshChains(tmp_path)

    def use() -> dict[str, Any]:
        code, alive = service.code("web"), service.begin("web")
        granted(service.redeem(code, "web"))
        return {"code": code, "alive": alive["refresh_token"], "since": service.context.memory.since()}

    kept = killed(use)
    service.now += 5
    granted(service.refresh(kept["alive"], "web"))
    assert service.context.memory.since() == kept["since"]
    refused(service.redeem(kept["code"], "web"))
    assert service.reason == "code replayed"


def opened(path: Path, now: int = NOW) -> Memory:
    return open_memory(MemorySettings(path=str(path)), clock=lambda: now)


_PUT_AND_EXIT = """
import asyncio, sys
from service.memory import MemorySettings, open_memory
memory = open_memory(MemorySettings(path=sys.argv[1]), clock=lambda: int(sys.argv[2]))
asyncio.run(memory.put("code", b"first", int(sys.argv[2]) + 600))
"""


@pytest.mark.parametrize("end", ["close", "exit"])
def test_106_a_clean_end_outlives_a_restart_of_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    path = tmp_path / "memory.sqlite"
    if end == "close":
        memory = opened(path)
        assert asyncio.run(memory.put("code", b"first", UNTIL)).value == b"first"
        asyncio.run(memory.close())
    else:  # a process that does not close it
        command = [sys.executable, "-c", _PUT_AND_EXIT, str(path), str(NOW)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    assert not log_of(path).exists()
    another_boot(monkeypatch)
    memory = opened(path, NOW + 5)
    assert memory.since() == NOW
    assert asyncio.run(memory.put("code", b"again", UNTIL)).value == b"first"
    asyncio.run(memory.close())


def test_106_one_of_many_workers_that_dies_is_no_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "memory.sqlite"
    memory = opened(path)
    since = memory.since()

    def work() -> dict[str, Any]:
        other = opened(path)
        return {"stands": asyncio.run(other.put("code", b"first", UNTIL)).value.decode()}

    assert killed(work) == {"stands": "first"}
    late = opened(path, NOW + 5)
    assert late.since() == memory.since() == since
    assert asyncio.run(late.put("code", b"again", UNTIL)) == (0, b"first")
    for each in (memory, late):
        asyncio.run(each.close())


def test_106_a_revocation_is_on_the_disk_when_it_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut the disk has what was there at the last fsync: here, a copy that is made at that moment."""
    path, disk = tmp_path / "memory" / "memory.sqlite", tmp_path / "disk"
    real = os.fsync

    def fsync(file: int) -> None:
        real(file)
        shutil.rmtree(disk, ignore_errors=True)
        shutil.copytree(path.parent, disk)

    monkeypatch.setattr("service.memory.embedded_mark.os.fsync", fsync)

    async def act() -> None:
        memory = opened(path)
        await memory.put("code", b"first", UNTIL, use="code")
        await memory.put("revoked:a", b"1", UNTIL, use="revocation")
        await memory.put("nbf:all", b"", UNTIL, NOW, use="operator")
        after = opened(disk / path.name, NOW + 5)
        assert values(await after.get_many(["revoked:a", "nbf:all"])) == [b"1", b""]
        assert after.since() > NOW
        for each in (memory, after):
            await each.close()

    asyncio.run(act())


def test_106_a_revocation_that_cannot_reach_the_disk_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(file: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("service.memory.embedded_mark.os.fsync", fsync)

    async def act() -> None:
        memory = opened(tmp_path / "memory.sqlite")
        with pytest.raises(MemoryUnavailable, match="Input/output"):
            await memory.put("revoked:a", b"1", UNTIL, use="revocation")
        assert (await memory.put("code", b"first", UNTIL, use="code")).value == b"first"
        await memory.close()

    asyncio.run(act())


def test_106_the_mark_is_in_the_file_before_anything_is_put(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    memory = opened(path)
    assert memory.since() == NOW
    alone = tmp_path / "alone"
    alone.write_bytes(path.read_bytes())  # without the log
    with contextlib.closing(sqlite3.connect(alone)) as connection:
        assert connection.execute("SELECT boot <> '' FROM about").fetchone() == (1,)
    asyncio.run(memory.close())
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT boot FROM about").fetchone() == ("",)
