"""The benchmark runs, and names every number; how large they are is not tested."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from tests.bench import load, races
from tests.bench.load import Answer, LoadFailed, Request
from tests.worlds.demo import ROOT

NAMES = {
    "seal_vs_jwcrypto",
    "open_vs_jwcrypto",
    "sign_es256_vs_primitive",
    "verify_es256_vs_primitive",
    "token_vs_bare_asgi",
    "token_vs_authlib",
    "introspect_vs_bare_asgi",
    "private_key_jwt_vs_bare_asgi",
    "refresh_vs_client_credentials",
    "unrotated_refresh_vs_client_credentials",
    "put_us",
    "put_p999_us",
    "races_one_winner",
    "rss_growth_ratio",
    "code_chars",
    "refresh_chars",
    "jwt_chars",
    "bag_chars",
    "nested_chars",
    "first_answer_s",
    "token_hit",
    "token_hit_in_event_loop",
    "token_requests_of_1000_callers",
    "router_latency_vs_bare_proxy",
    "client_verify_first_vs_pyjwt",
    "client_verify_repeated_vs_pyjwt",
}
MAY_BE_NONE = {"errors_over_an_outage_of_59s"}
ANY = Request("/", b"a=b", {})


def bench(*arguments: str, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run `python -m tests.bench --quick arguments…` as `make bench` does, for `timeout` seconds at most."""
    command = [sys.executable, "-m", "tests.bench", "--quick", *arguments]
    environ = {**os.environ, "PYTHONPATH": "client"}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=timeout)


@pytest.mark.slow
def test_every_number_is_there(tmp_path: Path) -> None:
    done = bench("--json", str(tmp_path / "numbers"), timeout=600)
    assert done.returncode == 0, done.stderr
    numbers = json.loads((tmp_path / "numbers").read_text())
    assert numbers.keys() >= NAMES | MAY_BE_NONE
    assert all(value > 0 or (value == 0 and name in MAY_BE_NONE) for name, value in numbers.items()), numbers
    shown = {line.split()[0] for line in done.stdout.splitlines()[1:]}
    assert shown == numbers.keys()
    with_target = [line for line in done.stdout.splitlines() if re.search("[≥≤]", line)]
    assert with_target
    assert all(re.search(r" (ok|short)\b", line) for line in with_target)


@pytest.fixture
def failing_server() -> Iterator[int]:
    """A server that answers the first request of each connection with 200 and all others with 500."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            status = b"200 OK"
            try:
                while connection.recv(65_536):
                    connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")
                    status = b"500 Internal Server Error"
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=serve, daemon=True)
        accepting.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def test_one_answer_that_is_not_2xx_fails_the_load(failing_server: int) -> None:
    assert load.ask(failing_server, ANY).body == b"ok"
    with pytest.raises(LoadFailed):
        load.run(failing_server, repeat(ANY.octets(failing_server), 3 * load.CONNECTIONS))


def test_replaced_connections_are_counted_exactly(failing_server: int) -> None:
    assert load.run(failing_server, repeat(ANY.octets(failing_server), 50), lives=(1,)) == 50


def test_a_talk_is_told_each_answer(failing_server: int) -> None:
    told: list[bytes] = []

    def three(answer: Answer | None) -> bytes | None:
        if answer is not None:
            told.append(answer.body)
        return ANY.octets(failing_server) if len(told) < 3 else None

    assert load.talk(failing_server, [three], lives=(1,)) == 3
    assert told == [b"ok"] * 3


def test_a_race_tells_refusals(failing_server: int) -> None:
    octets = ANY.octets(failing_server)
    assert load.race(failing_server, [octets, octets], 5) == [[200] * 5, [500] * 5]


def test_an_id_is_won_by_one_who_makes_nobody_fail() -> None:
    assert races.one_winner([400, 200, 401])
    for statuses in ([200, 200, 400], [400, 400], [200, 400, 503]):
        assert not races.one_winner(statuses)


@pytest.mark.slow
def test_only_what_is_asked_for_is_measured() -> None:
    sizes = bench("sizes", timeout=60)
    assert {line.split()[0] for line in sizes.stdout.splitlines()[1:]} == {name for name in NAMES if "_chars" in name}
    assert bench("size", timeout=60).returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("wrk", [True, False])
def test_a_rate_of_refusals_is_none(failing_server: int, monkeypatch: pytest.MonkeyPatch, wrk: bool) -> None:
    if not wrk:
        monkeypatch.setattr(load.shutil, "which", lambda name: None)
    with pytest.raises(LoadFailed):
        load.rate(failing_server, ANY, 1)
