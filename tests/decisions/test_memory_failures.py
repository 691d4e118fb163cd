"""What goes on and what does not while the memory is full, unreachable, or another one (attacks 96, 99, 101, 102)."""

import contextlib
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.clients.registry import Registry
from service.decisions.token.code import mint_code
from service.memory import MemorySettings, open_memory
from tests.worlds.dpop import Holder
from tests.worlds.gunicorn import Running, context_of
from tests.worlds.http import Answer, basic, granted, refused
from tests.worlds.redis_servers import RedisServer, needs_redis
from tests.worlds.refresh_chains import RESOURCES, RS, RefreshChains, toml
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched

CC = {"grant_type": "client_credentials"}
DAY = 86_400


@pytest.fixture
def sessions(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path)


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[str], RefreshChains]:
    return lambda top: RefreshChains(tmp_path / "configured", top)


def unavailable(answer: Answer, seconds: int | None = None) -> None:
    refused(answer, "temporarily_unavailable", 503)
    assert int(answer.headers["retry-after"]) == (seconds or int(answer.headers["retry-after"])) > 0


# --- 96: full


def requests(sessions: RefreshChains) -> dict[str, Callable[[], Answer]]:
    """One request for each class of use, that puts something into it."""
    code, spa, web = sessions.code(), sessions.begin("spa")["refresh_token"], sessions.begin("web")["access_token"]
    return {
        "code": lambda: sessions.redeem(code),
        "refresh": lambda: sessions.refresh(spa, "spa"),
        "dpop": lambda: sessions.send("/token", "web", CC, Holder().proof(NOW)),
        "revocation": lambda: sessions.revoke(web),
    }


@pytest.mark.parametrize("full", ["code", "refresh", "dpop", "revocation"])
def test_096_a_full_class_is_503_for_that_class_alone(sessions: RefreshChains, full: str) -> None:
    memory, send = watched(sessions), requests(sessions)
    memory.full = {full}
    for use, request in send.items():
        if use == full:
            unavailable(request(), 11)
        else:
            assert request().status == 200, use
    granted(sessions.send("/token", "web", CC))
    memory.full = set()
    assert send[full]().status == 200  # nothing was burnt


def test_096_a_quota_that_is_used_up(configured: Callable[[str], RefreshChains]) -> None:
    sessions = configured("[memory.quotas]\ncode = 3")
    codes = [sessions.code("spa") for _ in range(4)]
    tokens = [granted(sessions.redeem(code, "spa")) for code in codes[:3]]
    unavailable(sessions.redeem(codes[3], "spa"), 30)
    refused(sessions.redeem(codes[0], "spa"))  # what is spent stays spent
    for each in tokens[1:]:
        granted(sessions.refresh(each["refresh_token"], "spa"))
    sessions.now += 600  # and what has expired makes room
    granted(sessions.redeem(sessions.code("spa"), "spa"))


# --- unreachable


def test_an_unreachable_memory_is_503_wherever_it_is_needed(sessions: RefreshChains) -> None:
    tokens = {client: sessions.begin(client) for client in ("web", "spa")}
    code, proof = sessions.code(), Holder().proof(NOW)
    memory = watched(sessions)
    memory.down = True
    for answer in (
        sessions.redeem(code),
        sessions.refresh(tokens["web"]["refresh_token"]),
        sessions.refresh(tokens["spa"]["refresh_token"], "spa"),
        sessions.introspect(tokens["web"]["access_token"], RS),
        sessions.revoke(tokens["web"]["access_token"]),
        sessions.send("/token", "web", CC, proof),
    ):
        unavailable(answer, 7)
    assert sessions.get("/readyz").status == 503
    memory.down = False
    granted(sessions.redeem(code))
    granted(sessions.refresh(tokens["web"]["refresh_token"]))
    granted(sessions.refresh(tokens["spa"]["refresh_token"], "spa"))
    granted(sessions.send("/token", "web", CC, proof))
    assert sessions.active(tokens["web"]["access_token"])


def test_what_needs_no_memory_does_not_notice(sessions: RefreshChains) -> None:
    memory = watched(sessions)
    memory.down = True
    for resource in RESOURCES.values():
        for _ in range(20):
            granted(sessions.send("/token", "web", {**CC, "resource": resource}))
    assert sessions.introspect("garbage", RS).json() == {"active": False}
    assert sessions.revoke("garbage").status == 200
    refused(sessions.redeem("garbage"))
    for path in ("/jwks", "/.well-known/oauth-authorization-server", "/healthz"):
        assert sessions.get(path).status == 200
    assert memory.asked == []


@pytest.mark.parametrize("allowed", [(), ("introspect",), ("refresh",), ("introspect", "refresh")])
def test_without_memory(configured: Callable[[str], RefreshChains], allowed: tuple[str, ...]) -> None:
    sessions = configured(f"without_memory = {msgspec.json.encode(allowed).decode()}")
    code = sessions.code()
    tokens = {client: sessions.begin(client) for client in ("web", "spa")}
    memory = watched(sessions)
    memory.down = True
    seen = sessions.introspect(tokens["web"]["access_token"], RS)
    renewed = {client: sessions.refresh(tokens[client]["refresh_token"], client) for client in tokens}
    if "introspect" in allowed:
        assert seen.json()["active"] is True
    else:
        unavailable(seen)
    for answer in renewed.values():
        if "refresh" not in allowed:
            unavailable(answer)
    unavailable(sessions.redeem(code))
    unavailable(sessions.revoke(tokens["web"]["access_token"]))
    unavailable(sessions.refresh(tokens["web"]["refresh_token"], dpop=Holder().proof(NOW)))
    memory.down = False
    for client, answer in renewed.items():
        if answer.status == 200:  # what was issued blindly is good when the memory is back
            granted(sessions.refresh(granted(answer)["refresh_token"], client))
        else:
            granted(sessions.refresh(tokens[client]["refresh_token"], client))


def test_without_memory_is_for_failures_and_forgives_no_reuse(configured: Callable[[str], RefreshChains]) -> None:
    sessions = configured('without_memory = ["introspect", "refresh"]')
    first = sessions.begin("spa")["refresh_token"]
    second = granted(sessions.refresh(first, "spa"))
    third = granted(sessions.refresh(second["refresh_token"], "spa"))
    memory = watched(sessions)
    memory.full = {"revocation"}
    sessions.now += 60
    unavailable(sessions.refresh(first, "spa"), 11)
    memory.full = set()
    refused(sessions.refresh(first, "spa"))
    refused(sessions.refresh(third["refresh_token"], "spa"))
    assert not sessions.active(third["access_token"])


def test_without_memory_is_for_what_cannot_be_read_not_for_what_cannot_be_written(
    configured: Callable[[str], RefreshChains],
) -> None:
    sessions = configured('without_memory = ["refresh"]')
    revoked, first = (sessions.begin("spa")["refresh_token"] for _ in range(2))
    assert sessions.revoke(revoked, "spa").status == 200
    second = granted(sessions.refresh(first, "spa"))["refresh_token"]
    third = granted(sessions.refresh(second, "spa"))["refresh_token"]
    sessions.now += 60
    with contextlib.closing(sqlite3.connect(sessions.config.memory.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused(sessions.refresh(revoked, "spa"))
        unavailable(sessions.refresh(first, "spa"))  # its family cannot be revoked now
        unavailable(sessions.refresh(third, "spa"))
        other.execute("ROLLBACK")
    granted(sessions.refresh(third, "spa"))


def test_096_what_was_revoked_is_so_in_a_full_memory_too(configured: Callable[[str], RefreshChains]) -> None:
    sessions = configured("")
    alive, revoked = (sessions.begin("spa")["refresh_token"] for _ in range(2))
    assert sessions.revoke(revoked, "spa").status == 200
    memory = watched(sessions)
    memory.full = {"refresh"}
    refused(sessions.refresh(revoked, "spa"))
    unavailable(sessions.refresh(alive, "spa"), 11)
    memory.full = set()
    granted(sessions.refresh(alive, "spa"))


# --- another memory, and one that has forgotten (101, 102)


def move(sessions: RefreshChains, path: Path, **settings: Any) -> None:
    """Give the service another memory, begun now, and other settings."""
    replace = msgspec.structs.replace
    config = sessions.config
    config = replace(config, memory=replace(config.memory, path=str(path), **settings))
    memory = open_memory(MemorySettings(path=str(path)), lambda: int(sessions.now))
    sessions.app.runtime.context = sessions.context._replace(registry=Registry(config), memory=memory)


def test_102_a_bag_of_another_memory_is_refused_and_logged(sessions: RefreshChains, tmp_path: Path) -> None:
    code, tokens, here = sessions.code(), sessions.begin("spa"), sessions.context.memory.identity
    move(sessions, tmp_path / "another.sqlite")
    del sessions.lines[:]
    refused(sessions.redeem(code))
    refused(sessions.refresh(tokens["refresh_token"], "spa"))
    events = [line for line in sessions.log if line.get("event") == "bag belongs to another memory"]
    assert len(events) == 2
    assert {(line["level"], line["bag"], line["memory"]) for line in events} == {
        ("error", here, sessions.context.memory.identity)
    }
    assert sessions.reason == "wrong memory"


def test_moving_to_another_memory_is_one_line(sessions: RefreshChains, tmp_path: Path) -> None:
    code, tokens, former = sessions.code(), sessions.begin("spa"), sessions.context.memory.identity
    sessions.now += 30
    move(sessions, tmp_path / "another.sqlite", accept_identity=(former,))
    granted(sessions.redeem(code))
    refused(sessions.redeem(code))
    renewed = granted(sessions.refresh(tokens["refresh_token"], "spa"))
    move(sessions, tmp_path / "another.sqlite")  # the line may go when the last old token has been renewed
    again = granted(sessions.refresh(renewed["refresh_token"], "spa"))
    sessions.now += 60
    refused(sessions.refresh(tokens["refresh_token"], "spa"))
    assert sessions.reason == "wrong memory"
    granted(sessions.refresh(again["refresh_token"], "spa"))


@pytest.mark.parametrize("survive", [False, True])
def test_101_what_is_older_than_the_memory(configured: Callable[[str], RefreshChains], survive: bool) -> None:
    sessions = configured(f"[refresh]\nsurvive_memory_loss = {str(survive).lower()}")
    memory = watched(sessions)
    old_code, old = sessions.code("spa"), sessions.begin("spa")["refresh_token"]
    sessions.now += 10
    memory.forgot_until = int(sessions.now)
    fresh_code = sessions.code("spa")
    refused(sessions.redeem(old_code, "spa"))
    assert sessions.reason == "older than the memory"
    answer = sessions.refresh(old, "spa")
    assert answer.status == (200 if survive else 400)
    if not survive:
        refused(answer)
    granted(sessions.redeem(fresh_code, "spa"))


# --- a real server that stops


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis").start()
    yield server
    server.kill()


@pytest.mark.slow
@needs_redis
@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_099_redis_fails_under_the_service(tmp_path: Path, server: RedisServer, how: str) -> None:
    top = f'[keys]\nskew = 2\n[memory]\nkind = "redis"\nurl = "{server.url}"'
    with Running(tmp_path / "served", toml(top, "http://127.0.0.1:{port}"), workers=1) as served:
        context = context_of(served)
        web = basic("web", "secret")

        def code() -> dict[str, str]:
            minted = mint_code(context, time.time(), client_id="web", sub="alice", scopes=("read",))
            return {"grant_type": "authorization_code", "code": minted}

        tokens = granted(served.post("/token", code(), web))
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        waiting = code()
        if how == "stopped":
            server.signal(signal.SIGSTOP)
        else:
            server.kill()
        for _ in range(3):
            for path, form, caller in (
                ("/token", waiting, web),
                ("/token", refresh, web),
                ("/introspect", {"token": tokens["access_token"]}, RS),
                ("/revoke", {"token": tokens["access_token"]}, web),
            ):
                unavailable(served.post(path, form, caller))
            for _ in range(10):
                granted(served.post("/token", CC, web))
        assert served.get("/readyz").status == 503
        if how == "stopped":
            server.signal(signal.SIGCONT)
        else:
            server.start()
        deadline = time.monotonic() + 20
        while served.get("/readyz").status != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        answer = served.post("/token", waiting, web)
        while how == "killed" and answer.status == 503:  # what is issued now would be older than the new contents
            assert time.monotonic() < deadline
            time.sleep(0.2)
            answer = served.post("/token", waiting, web)
        if how == "stopped":
            granted(answer)
            refused(served.post("/token", waiting, web))
        else:  # it came back empty, and does not believe what it does not remember
            refused(answer)
            assert "lost or exchanged its contents" in served.log_file.read_text()
        assert served.post("/token", refresh, web).status == (200 if how == "stopped" else 400)
