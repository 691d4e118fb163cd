"""Attack 101: a memory that is really lost, with and without refresh.survive_memory_loss."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.app import load
from service.decisions.token.code import mint_code
from service.grants.refresh_token import GRACE
from tests.worlds.gunicorn import Running, context_of
from tests.worlds.http import Answer, basic, granted, refused
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.redis_servers import RedisServer, needs_redis
from tests.worlds.refresh_chains import RefreshChains, toml

SURVIVE = "[refresh]\nsurvive_memory_loss = true\n"


class Served:
    """A running service, and how its memory is lost."""

    def __init__(self, running: Running, lose: Callable[[], Any]) -> None:
        self.running = running
        self.lose = lose
        self.context = context_of(running)

    def send(self, client: str, **form: str) -> Answer:
        """Ask for tokens, again and again while the service says that it cannot tell now."""
        deadline = time.monotonic() + 20
        if client == "web":
            headers = basic("web", "secret")
        else:
            headers, form = {}, {**form, "client_id": client}
        while (answer := self.running.post("/token", form, headers)).status == 503 and time.monotonic() < deadline:
            time.sleep(0.2)
        return answer

    def begin(self, client: str) -> tuple[str, str]:
        """A code that was redeemed, and its refresh token."""
        public = {} if client == "web" else {"challenge": CHALLENGE}
        code = mint_code(self.context, time.time(), client_id=client, sub="alice", scopes=("read",), **public)
        return code, granted(self.redeem(code, client))["refresh_token"]

    def redeem(self, code: str, client: str) -> Answer:
        verifier = {} if client == "web" else {"code_verifier": VERIFIER}
        return self.send(client, grant_type="authorization_code", code=code, **verifier)

    def refresh(self, token: str, client: str) -> Answer:
        return self.send(client, grant_type="refresh_token", refresh_token=token)


@pytest.fixture(params=["embedded", pytest.param("redis", marks=needs_redis)])
def served(request: pytest.FixtureRequest, tmp_path: Path, top: str) -> Iterator[Served]:
    """The memory of this service is a file that is deleted, or a server that is flushed."""
    if request.param == "redis":
        server = RedisServer(tmp_path / "redis").start()
        table = f'[memory]\nkind = "redis"\nurl = "{server.url}"\ntimeout_ms = 2000\n[keys]\nskew = 2\n'
        with Running(tmp_path / "served", toml(top + table, "http://127.0.0.1:{port}"), workers=1) as running:
            yield Served(running, lambda: server.send("FLUSHALL"))
        server.kill()
        return
    with Running(tmp_path / "served", toml(top, "http://127.0.0.1:{port}"), workers=1) as running:
        yield Served(running, lambda: Path(load(running.config, running.environ).memory.path).unlink())


@pytest.mark.slow
@pytest.mark.parametrize("top", [SURVIVE, ""])
def test_101_refresh_tokens_survive_a_loss_where_that_is_set(served: Served, top: str) -> None:
    chains = {client: served.begin(client) for client in ("web", "spa")}
    served.lose()
    for client, (code, token) in chains.items():
        refused(served.redeem(code, client))  # a used code is never good again
        answer = served.refresh(token, client)
        if not top:
            refused(answer)
            continue
        again = granted(answer)["refresh_token"]
        granted(served.refresh(again, client))
    log = served.running.log_file.read_text()
    assert ("from before a loss of memory" in log) is bool(top)


def test_101_reuse_is_found_again_from_the_first_use_after_the_loss(tmp_path: Path) -> None:
    chains = RefreshChains(tmp_path, SURVIVE)
    first = chains.begin("spa")["refresh_token"]
    Path(chains.config.memory.path).unlink()
    chains.now += 60
    chains.get("/readyz")
    second = granted(chains.refresh(first, "spa"))["refresh_token"]
    third = granted(chains.refresh(second, "spa"))["refresh_token"]
    chains.now += GRACE + 1
    refused(chains.refresh(first, "spa"))
    assert chains.reason == "refresh token reused"
    refused(chains.refresh(third, "spa"))
