"""Attack 118: a reload (SIGHUP) with a damaged configuration changes nothing, whatever is damaged and however."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.test_damage import problems_of, variants
from tests.worlds.demo import DEMO
from tests.worlds.gunicorn import Running

pytestmark = pytest.mark.slow

EXITS = "import os, sys\n{}\n"
DAMAGE = {
    "bad bind address": DEMO.replace("[api]\n", '[api]\nbind = "[::1"\n'),
    "malformed issuer with a logo": DEMO.replace('issuer = "http://127.0.0.1:{port}"', 'issuer = "https://["')
    + '\n[pages]\nlogo = "https://a/b.png"\n',
    "5,000 nested brackets": DEMO + "\n[pages]\nlogo = " + "[" * 5000 + "]" * 5000 + "\n",
    "an integer of 5,000 digits": DEMO + "\n[lifetimes]\ncode = " + "9" * 5000 + "\n",
    "a module that exits": DEMO + '\n[hooks]\nobject = "satchel_exits:it"\n',
    "a module that ends the process": DEMO + '\n[hooks]\nobject = "satchel_ends:it"\n',
    "a module with a syntax error": DEMO + '\n[hooks]\nobject = "satchel_broken:it"\n',
    "no TOML": "]",
    "not UTF-8": "issuer = '\udcff'",
    "empty": "",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("reload")
    for name, source in (("exits", "sys.exit(3)"), ("ends", "os._exit(3)"), ("broken", "def")):
        (directory / f"satchel_{name}.py").write_text(EXITS.format(source))
    server = Running(directory, workers=1)
    server.environ["PYTHONPATH"] = str(directory)
    with server:
        yield server


def workers(server: Running) -> list[str]:
    pid = server.process.pid
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def refused(server: Running, text: str) -> None:
    """Reload with `text` as the configuration, which must be refused."""
    before, log = workers(server), len(server.log_file.read_text())
    server.config.write_bytes(text.encode("utf-8", "surrogateescape"))
    server.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 30
    while "the workers keep the previous configuration" not in (said := server.log_file.read_text()[log:]):
        assert time.monotonic() < deadline, said
        assert server.process.poll() is None, said
        time.sleep(0.02)
    assert "Traceback" not in said
    assert workers(server) == before
    assert server.token()


@pytest.mark.parametrize("name", DAMAGE)
def test_118_a_damaged_file_at_a_reload(server: Running, name: str) -> None:
    refused(server, DAMAGE[name])


def test_118_random_damage_at_a_reload(server: Running) -> None:
    done = 0
    for text in variants(118, 60):
        server.config.write_text(text)
        if problems_of(server.config, server.environ):
            refused(server, text)
            done += 1
        if done == 15:
            break
    assert done == 15


def test_a_good_file_is_taken_after_all_that(server: Running) -> None:
    before = workers(server)
    server.config.write_text(DEMO.replace("Read your reservations", "Read them"))
    server.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while set(before) & set(workers(server)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert server.token()
