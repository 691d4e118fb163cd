"""A small volume, a full disk: the embedded memory refuses what does not fit, forgets nothing, and heals by itself."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from service.memory import Memory, MemoryFull, MemorySettings, open_memory
from service.memory.embedded_room import Room
from tests.memory.entries import values
from tests.worlds.demo import ROOT

NOW = 1_800_000_000
_MOUNT = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"]


def may_mount() -> bool:
    try:
        return os.geteuid() == 0 and subprocess.run(_MOUNT, capture_output=True, timeout=30).returncode == 0
    except OSError:
        return False


on_a_volume = pytest.mark.skipif(not may_mount(), reason="a volume can be mounted by root alone")


def load(seconds: float, life: int, size: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.memory.small_volume", str(seconds), str(life), str(size)]
    done = subprocess.run(
        ["unshare", "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.slow
@on_a_volume
def test_constant_spends_never_wedge_a_volume_of_20_mb() -> None:
    """Four workers write far more log than the volume has room for."""
    told = load(8, life=5, size=22)
    for worker in (*told["first"], *told["again"]):
        assert worker["spent"] > 100
        assert worker["full"] == worker["not revoked"] == 0
    assert told["longest log"] < 6 << 20


@pytest.mark.slow
@on_a_volume
def test_a_full_volume_of_20_mb_takes_revocations_and_heals_when_entries_have_expired() -> None:
    told = load(12, life=240, size=2000)
    assert sum(worker["full"] for worker in told["first"]) > 100
    # Four workers fill the volume as fast as they can. One revocation was once refused, and taken when it was repeated.
    assert sum(worker["not revoked"] for worker in (*told["first"], *told["again"])) <= 1
    assert sum(worker["spent"] for worker in told["first"]) * 2000 > 10 << 20  # most of it was used, and used again
    assert all(worker["spent"] > 10 for worker in told["again"])


def memory_of(path: Path, **settings: Any) -> Memory:
    return open_memory(MemorySettings(path=str(path), **settings), clock=lambda: NOW)


def test_while_the_reserve_is_given_up_revocations_alone_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "memory.sqlite"

    async def act() -> None:
        memory = memory_of(path)
        await memory.put("code:1", b"first", NOW + 60, use="code")
        room = Room(path)
        room.fill()
        assert not room.scarce
        assert [room.give_up(), room.give_up()] == [True, False]
        with monkeypatch.context() as still_full:
            still_full.setattr(Room, "fill", lambda self: None)
            with pytest.raises(MemoryFull, match="code"):
                await memory.put("code:2", b"v", NOW + 60, use="code")
            assert (await memory.put("revoked:1", b"1", NOW + 60, use="revocation")).value == b"1"
            assert values(await memory.get_many(["code:1", "revoked:1"])) == [b"first", b"1"]
        assert (await memory.put("code:2", b"v", NOW + 60, use="code")).value == b"v"
        assert not room.scarce
        await memory.close()

    asyncio.run(act())


@pytest.mark.parametrize("blocks", [5_000, 100_000, 10_000_000])
def test_the_reserve_is_larger_than_the_longest_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: int
) -> None:
    volume = SimpleNamespace(f_blocks=blocks, f_frsize=4096, f_bavail=0)
    monkeypatch.setattr("service.memory.embedded_room.os.statvfs", lambda path: volume)
    room = Room(tmp_path / "memory.sqlite")
    assert 0 < room.log_early < room.log_long < room.log_late < room.log_limit < room._whole
    assert room.log_limit + room._whole < 0.35 * blocks * 4096
