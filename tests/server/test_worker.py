"""The gunicorn settings and the worker, as real processes: connection cap, reload, replacement, start and stop."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.server.raw_http import Raw, exchange
from tests.server.toy_service import ROOT, serving

GET = b"GET /token HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /token HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def ask(server):
    (answer,) = exchange(server.port, LAST)
    assert answer.status == 200
    return answer.json


def ask_until(server, wanted, seconds=10):
    """Ask until `wanted(answer)` is true, and return that answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if wanted(seen := ask(server)):
            return seen
        time.sleep(0.05)
    raise AssertionError(server.log)


def worker_pids(server):
    pid = server.process.pid
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


# Connections


@pytest.mark.slow
def test_more_connections_than_allowed_are_turned_away_and_disturb_nobody():
    with serving("--worker-connections", "10") as server:
        held = [Raw(server.port) for _ in range(10)]
        for raw in held:
            raw.send(GET)
            assert raw.response().status == 200
        for _ in range(30):
            with Raw(server.port) as raw:
                assert raw.response().status == 503
                assert raw.closed_after() < 1
        (answer,) = exchange(server.port, GET)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        for raw in held:
            raw.send(GET)
            assert raw.response().status == 200
        server.until(r"\d+ connections refused: 10 are open")
        held.pop().socket.close()
        deadline = time.monotonic() + 5
        while exchange(server.port, LAST)[0].status != 200:
            assert time.monotonic() < deadline
        for raw in held:
            raw.socket.close()


# Reload


FIRST = 'name = "first"'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "faults"),
    [
        ("name = 1\nfoo = 2\nbar = 3", ["name: expected a string", "foo: no such setting", "bar: no such setting"]),
        ('name = "seco', ["Unterminated string", "Illegal character"]),
        ('name = "second"\nkeys = "/nowhere/keys"', ["/nowhere/keys"]),
        (None, ["No such file"]),
    ],
    ids=["values", "syntax", "keys", "missing"],
)
def test_a_broken_reload_changes_nothing_and_a_good_one_does(broken, faults):
    with serving(workers=2) as server:
        before = worker_pids(server)
        server.config.unlink()
        if broken is not None:
            server.config.write_text(broken)
        server.signal(signal.SIGHUP)
        refused = server.until(r"(?s)reload refused: .*")
        assert any(fault in refused.group() for fault in faults)
        if len(faults) == 3:
            for fault in faults:
                server.until(rf"reload refused: \S+toy.toml: {fault}")
        for _ in range(10):
            assert ask(server)["name"] == "first"
        deadline = time.monotonic() + 5
        while worker_pids(server) != before:  # the child of the rehearsal is about to end
            assert time.monotonic() < deadline
            time.sleep(0.02)
        server.config.write_text('name = "second"')
        server.signal(signal.SIGHUP)
        ask_until(server, lambda seen: seen["name"] == "second")
        deadline = time.monotonic() + 10
        while before & worker_pids(server):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert ask(server)["name"] == "second"
        assert "Traceback" not in server.log


@pytest.mark.slow
def test_no_request_is_lost_in_a_reload():
    with serving() as server, Raw(server.port) as raw:
        raw.send(GET)
        assert raw.response().json["name"] == "first"
        raw.send(b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        server.config.write_text('name = "second"')
        server.signal(signal.SIGHUP)
        server.until("Worker shutting down")
        ask_until(server, lambda seen: seen["name"] == "second")
        raw.send(b"cde")
        answer = raw.response()
        assert (answer.status, answer.json["name"], answer.json["body"]) == (200, "first", 5)
        assert answer.headers["connection"] == "close"


# Replacement


@pytest.mark.slow
def test_a_killed_worker_is_replaced_from_the_last_good_configuration():
    with serving() as server:
        first = ask(server)
        server.config.write_text("broken")
        os.kill(first["pid"], signal.SIGKILL)
        second = ask(server)
        assert second["pid"] != first["pid"]
        assert second["name"] == "first"


@pytest.mark.slow
def test_a_replacement_that_cannot_start_leaves_the_others_alone(tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("")
    with serving(workers=2, config=f'name = "first"\nkeys = "{keys}"') as server:
        before = worker_pids(server)
        keys.unlink()
        os.kill(min(before), signal.SIGKILL)
        server.until(r"cannot start \(FileNotFoundError")
        server.until(r"(?s)(cannot start .*){2}")
        assert ask(server)["pid"] == max(before)
        keys.write_text("")
        ask_until(server, lambda seen: seen["pid"] not in before)
        assert server.process.poll() is None


# Start and stop


@pytest.mark.slow
def test_a_broken_configuration_is_refused_at_start_with_every_problem_and_no_traceback():
    with serving(config="name = 1\nfoo = 2", ready=False) as server:
        assert server.process.wait(10) == 1
        assert "toy.toml: name: expected a string\n" in server.log
        assert "toy.toml: foo: no such setting\n" in server.log
        assert "Traceback" not in server.log
        assert "Listening" not in server.log


@pytest.mark.slow
def test_keys_that_cannot_be_read_are_refused_at_start_by_name():
    with serving(config='name = "first"\nkeys = "/nowhere/keys"', ready=False) as server:
        assert server.process.wait(10) != 0
        assert "/nowhere/keys" in server.log


@pytest.mark.slow
def test_stopping_waits_for_requests_but_not_for_idle_connections():
    with serving() as server, Raw(server.port) as idle, Raw(server.port) as busy:
        idle.send(GET)
        assert idle.response().status == 200
        busy.send(b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        time.sleep(0.1)
        server.signal(signal.SIGTERM)
        assert idle.closed_after() < 6
        busy.send(b"cde")
        assert busy.response().json["body"] == 5
        assert server.process.wait(6) == 0
        assert "Traceback" not in server.log


@pytest.mark.slow
def test_metrics_of_an_earlier_run_and_of_the_dead_are_dropped():
    with serving() as server:
        metrics = server.directory / "state" / "metrics"
        assert metrics.stat().st_mode & 0o777 == 0o700
        pid = ask(server)["pid"]
        assert (metrics / f"counter_{pid}.db").exists()
        (metrics / f"gauge_liveall_{pid}.db").touch()
        (metrics / "counter_1.db").touch()
        os.kill(pid, signal.SIGKILL)
        assert ask(server)["pid"] != pid
        deadline = time.monotonic() + 5
        while (metrics / f"gauge_liveall_{pid}.db").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert (metrics / f"counter_{pid}.db").exists()  # what the dead counted still counts


@pytest.mark.slow
def test_there_is_no_control_socket(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with serving() as server:
        ask(server)
        assert list(tmp_path.rglob("*")) == []


# Settings


@pytest.mark.parametrize(
    ("environ", "bind", "workers"),
    [
        ({}, ["127.0.0.1:8000"], len(os.sched_getaffinity(0))),
        ({"HOST": "", "PORT": "", "WORKERS": ""}, ["127.0.0.1:8000"], len(os.sched_getaffinity(0))),
        ({"HOST": "::1", "PORT": "9000", "WORKERS": "3"}, ["[::1]:9000"], "3"),
    ],
)
def test_the_environment_chooses_address_and_workers(environ, bind, workers):
    show = "import service.server.gunicorn_conf as c; print([c.bind, c.workers])"
    clean = {name: value for name, value in os.environ.items() if name not in {"HOST", "PORT", "WORKERS"}}
    shown = subprocess.run(
        [sys.executable, "-c", show], cwd=ROOT, env=clean | environ, capture_output=True, text=True, check=True
    )
    assert shown.stdout == f"{[bind, workers]}\n"


@pytest.mark.slow
def test_the_configuration_learns_what_is_bound():
    with serving("--bind", "127.0.0.1:0") as server:
        assert ask(server)["bind"] == "127.0.0.1:0"
