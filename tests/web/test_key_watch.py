"""A change of the key directory is taken up without a restart; what is torn is not (attacks 92–94)."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keys import revoke, rotate
from service.web import key_watch
from service.web.key_watch import KeyWatch
from tests.worlds.demo import CXF, MACHINES
from tests.worlds.gunicorn import Running
from tests.worlds.satchel import NOW, Satchel

FORM = {"grant_type": "client_credentials"}


@pytest.fixture
def satchel(make_satchel: Any) -> Satchel:
    made: Satchel = make_satchel(MACHINES.replace('kind = "embedded"', 'kind = "none"'))
    return made


@pytest.fixture
def watch(satchel: Satchel) -> KeyWatch:
    return KeyWatch(satchel.app.runtime, satchel.store)


def look(watch: KeyWatch) -> None:
    asyncio.run(watch.look())


def turn(satchel: Satchel, **how: bool) -> None:
    """A rotation on disk, by another process."""
    with satchel.store.lock():
        satchel.store.save(rotate(satchel.store.load(), satchel.config.keys, int(satchel.now), **how))


def published(satchel: Satchel) -> set[str]:
    return {key["kid"] for key in satchel.get("/jwks").json()["keys"]}


@contextlib.contextmanager
def put_back(satchel: Satchel) -> Iterator[list[Path]]:
    """Gives the key files, and restores them."""
    files = {path: path.read_bytes() for path in sorted(satchel.store.directory.glob("*.json"))}
    yield list(files)
    for path, content in files.items():
        path.write_bytes(content)
        path.chmod(0o600)


def test_93_a_rotation_is_taken_up(satchel: Satchel, watch: KeyWatch) -> None:
    look(watch)
    before = published(satchel)
    token = satchel.token()
    satchel.now += 89 * 86_400
    turn(satchel)
    assert published(satchel) == before
    satchel.now += 2 * 86_400
    turn(satchel)
    look(watch)
    assert published(satchel) > before
    satchel.now = float(NOW)
    assert satchel.introspect(token).json()["active"] is True


@pytest.mark.parametrize("damage", ["torn", "open to others"])
def test_111_a_revoked_key_ends_though_another_file_is_unreadable(
    satchel: Satchel, watch: KeyWatch, damage: str
) -> None:
    look(watch)
    ring = satchel.store.load()
    signer, sealer = ring.signer("ES256", satchel.now), ring.sealer(satchel.now)
    token = satchel.token()
    with satchel.store.lock():
        satchel.store.save(revoke(ring, signer.kid, satchel.config.keys, int(satchel.now)))
    other = satchel.store.directory / f"{sealer.kid}.json"
    if damage == "torn":
        other.write_bytes(other.read_bytes()[:40])
    else:
        other.chmod(0o666)
    look(watch)
    assert signer.kid not in published(satchel)
    assert satchel.introspect(token).json() == {"active": False}
    assert satchel.token()  # the standby signs
    assert satchel.context.snapshot.ring.sealer(satchel.now) == sealer  # the damaged one is there still, as it was
    assert satchel.get("/readyz").status == 503


def test_111_a_mount_that_is_lost_revokes_nothing(satchel: Satchel, watch: KeyWatch) -> None:
    look(watch)
    for path in satchel.store.directory.glob("*.json"):
        path.unlink()
    look(watch)
    assert satchel.token()


def test_a_missing_standby_is_told(satchel: Satchel) -> None:
    assert "warnings" not in satchel.get("/readyz").json()
    assert b'satchel_key_standby{alg="ES256"} 1.0' in satchel.get("/metrics").body
    satchel.now += 89.5 * 86_400 + 43_200
    assert "ES256" in satchel.get("/readyz").json()["warnings"]["keys"]
    assert b'satchel_key_standby{alg="ES256"} 0.0' in satchel.get("/metrics").body


def test_94_a_revoked_key_opens_nothing_after_the_next_look(satchel: Satchel, watch: KeyWatch) -> None:
    """Not even a token that was verified before: the verdict goes with its key."""
    look(watch)
    token = satchel.token()
    assert satchel.introspect(token).json()["active"] is True
    ring = satchel.store.load()
    signer = ring.signer("ES256", satchel.now)
    with satchel.store.lock():
        satchel.store.save(revoke(ring, signer.kid, satchel.config.keys, int(satchel.now)))
    assert satchel.introspect(token).json()["active"] is True
    look(watch)
    assert satchel.introspect(token).body == b'{"active":false}'
    assert signer.kid not in published(satchel)
    assert satchel.introspect(satchel.token()).json()["active"] is True


def test_nothing_is_read_while_nothing_changes(
    satchel: Satchel, watch: KeyWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(watch)

    def load() -> None:
        raise AssertionError("the keys were read again")

    monkeypatch.setattr(satchel.store, "load", load)
    before = satchel.app.runtime.context
    look(watch)
    assert satchel.app.runtime.context is before


def test_files_written_anew_with_the_same_keys_change_nothing(satchel: Satchel, watch: KeyWatch) -> None:
    look(watch)
    before = satchel.app.runtime.context
    for path in satchel.store.directory.glob("*.json"):
        path.write_bytes(path.read_bytes())
    look(watch)
    assert satchel.app.runtime.context is before


DAMAGE = {
    "torn": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "emptied": lambda path: path.write_bytes(b""),
    "junk": lambda path: path.write_bytes(b"\xff" * 100),
    "open to others": lambda path: path.chmod(0o644),
    "a link that leads out": lambda path: (path.unlink(), path.symlink_to("/etc/hostname")),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_92_a_damaged_directory_leaves_the_last_good_keys(satchel: Satchel, watch: KeyWatch, how: str) -> None:
    look(watch)
    before = published(satchel)
    token = satchel.token()
    with put_back(satchel) as files:
        DAMAGE[how](files[0])
        look(watch)
        ready = satchel.get("/readyz")
        assert ready.status == 503
        assert set(ready.json()["faults"]) == {"keys"}
        fault = [line for line in satchel.log if "cannot be read" in line.get("event", "")][-1]["fault"]
        assert files[0].name in fault
        assert files[0].name not in ready.body.decode()  # anyone may ask
        assert published(satchel) == before
        assert satchel.introspect(token).json()["active"] is True
        assert satchel.post("/token", FORM, CXF).status == 200
        if files[0].is_symlink():
            files[0].unlink()
    look(watch)
    assert satchel.get("/readyz").status == 200


def test_a_directory_without_keys_is_no_rotation(satchel: Satchel, watch: KeyWatch) -> None:
    """A volume that is not mounted takes nothing away."""
    look(watch)
    before = published(satchel)
    with put_back(satchel) as files:
        for path in files:
            path.unlink()
        look(watch)
        assert satchel.get("/readyz").status == 503
        assert published(satchel) == before
    look(watch)
    assert satchel.get("/readyz").status == 200


def test_a_directory_that_is_gone(satchel: Satchel, watch: KeyWatch) -> None:
    look(watch)
    directory = satchel.store.directory
    directory.rename(directory.with_name("away"))
    look(watch)
    assert satchel.get("/readyz").status == 503
    assert satchel.post("/token", FORM, CXF).status == 200
    directory.with_name("away").rename(directory)
    look(watch)
    assert satchel.get("/readyz").status == 200


def test_a_fault_is_logged_once_and_names_the_file_without_its_content(satchel: Satchel, watch: KeyWatch) -> None:
    look(watch)
    satchel.lines.clear()
    with put_back(satchel) as files:
        secret = files[0].read_bytes().decode()
        files[0].write_text(secret[:-20])
        for _ in range(5):
            look(watch)
    [line] = satchel.lines
    assert files[0].name.encode() in line
    assert not [part for part in secret.split('"') if len(part) > 30 and part.encode() in line]


def test_new_keys_are_logged_by_their_kids(satchel: Satchel, watch: KeyWatch) -> None:
    look(watch)
    satchel.lines.clear()
    satchel.now += 90 * 86_400
    turn(satchel)
    look(watch)
    [line] = satchel.log
    assert (line["event"], set(line["kids"])) == ("keys loaded", {key.kid for key in satchel.store.load().keys})


def test_the_watch_runs_while_the_application_is_up(satchel: Satchel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_watch, "SECONDS", 0.01)
    messages: list[str] = []

    async def life() -> None:
        inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()

        async def send(event: dict[str, str]) -> None:
            messages.append(event["type"])

        served = asyncio.create_task(satchel.app({"type": "lifespan", "asgi": {"version": "3.0"}}, inbox.get, send))
        await inbox.put({"type": "lifespan.startup"})
        before = satchel.app.runtime.context
        satchel.now += 90 * 86_400
        turn(satchel)
        for _ in range(500):
            if satchel.app.runtime.context is not before:
                break
            await asyncio.sleep(0.01)
        assert satchel.app.runtime.context is not before
        await inbox.put({"type": "lifespan.shutdown"})
        await asyncio.wait_for(served, 5)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(life())
    assert messages == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.slow
def test_94_an_emergency_revocation_reaches_every_worker_within_five_seconds(running: Running) -> None:
    kids = {key["kid"] for key in running.get("/jwks").json()["keys"]}
    active = [line.split()[0] for line in running.keys("show").splitlines() if " sig " in line and " active " in line]
    revoked = active[0]
    assert revoked in kids
    running.keys("revoke", revoked)
    deadline = time.monotonic() + 5
    gone = 0
    while gone < 20 and time.monotonic() < deadline:
        still = revoked in {key["kid"] for key in running.get("/jwks").json()["keys"]}
        gone = 0 if still else gone + 1
        if still:
            time.sleep(0.05)
    assert gone == 20
