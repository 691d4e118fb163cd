"""The benchmark runs, and names every number; how large they are is not tested."""

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from tests.bench import load
from tests.bench.load import LoadFailed, Request
from tests.satchel import ROOT

NAMES = {
    "seal_vs_jwcrypto",
    "open_vs_jwcrypto",
    "sign_es256_vs_primitive",
    "verify_es256_vs_primitive",
    "token_vs_bare_asgi",
    "token_vs_authlib",
    "introspect_vs_bare_asgi",
    "rss_growth_ratio",
    "code_chars",
    "refresh_chars",
    "jwt_chars",
    "bag_chars",
    "nested_chars",
    "first_answer_s",
}
ANY = Request("/", b"a=b", {})


def test_every_number_is_there(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "--quick", "--json", str(tmp_path / "numbers")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    numbers = json.loads((tmp_path / "numbers").read_text())
    assert numbers.keys() >= NAMES
    assert all(value > 0 for value in numbers.values()), numbers
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
        load.run(failing_server, ANY, repeat(None, 3 * load.CONNECTIONS))


def test_replaced_connections_are_counted_exactly(failing_server: int) -> None:
    assert load.run(failing_server, ANY, repeat(None, 50), lives=(1,)) == 50


@pytest.mark.parametrize("wrk", [True, False])
def test_a_rate_of_refusals_is_none(failing_server: int, monkeypatch: pytest.MonkeyPatch, wrk: bool) -> None:
    if not wrk:
        monkeypatch.setattr(load.shutil, "which", lambda name: None)
    with pytest.raises(LoadFailed):
        load.rate(failing_server, ANY, 1)
