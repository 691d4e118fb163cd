"""deploy/*.service and *.timer: well formed to systemd, and what they start is started as they say."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds import programs
from tests.worlds.demo import DEMO, ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted(file.name for file in DEPLOY.iterdir() if file.suffix in (".service", ".timer"))


def lines(unit: str, name: str) -> list[str]:
    """The values of a setting."""
    return [line.partition("=")[2] for line in (DEPLOY / unit).read_text().splitlines() if line.startswith(f"{name}=")]


# --- systemd-analyze


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with the units, and an executable file wherever they need one."""
    units = tmp_path / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(DEPLOY / unit, units)
        for name in ("ExecStartPre", "ExecStart", "ExecReload"):
            for command in lines(unit, name):
                program = tmp_path / shlex.split(command)[0].lstrip("/")
                program.parent.mkdir(parents=True, exist_ok=True)
                program.touch(0o755)
    return tmp_path


def verify(root: Path, unit: str) -> tuple[int, str]:
    command = [programs.path("systemd-analyze"), "--man=no", "--recursive-errors=no", f"--root={root}", "verify", unit]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.external("systemd-analyze")
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_takes_it_as_it_is(root: Path, unit: str) -> None:
    assert verify(root, unit) == (0, "")


@pytest.mark.external("systemd-analyze")
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_would_say_so_if_not(root: Path, unit: str) -> None:
    file = root / "etc" / "systemd" / "system" / unit
    file.write_text(file.read_text().replace("Description=", "Discription="))
    assert "'Discription'" in verify(root, unit)[1]


@pytest.mark.external("systemd-analyze")
def test_systemd_would_miss_the_program(root: Path) -> None:
    (root / "opt" / "satchel" / ".venv" / "bin" / "python").unlink()
    assert verify(root, "satchel.service")[0] != 0


# --- what the units start


@pytest.fixture
def place(tmp_path: Path, free_port: int) -> dict[str, str]:
    """Where things are here, by where the units say they are."""
    config = tmp_path / "satchel.toml"
    config.write_text(DEMO)
    return {
        "/opt/satchel/.venv/bin/python": sys.executable,
        "/opt/satchel": str(ROOT),
        "/etc/satchel/satchel.toml": str(config),
        "/var/lib/satchel": str(tmp_path / "var"),
        "PORT=8000": f"PORT={free_port}",
    }


def placed(text: str, place: dict[str, str]) -> str:
    for shipped, here in place.items():
        text = text.replace(shipped, here)
    return text


def surroundings(unit: str, place: dict[str, str]) -> dict[str, str]:
    (line,) = lines(unit, "Environment")
    pairs = (placed(pair, place).split("=", 1) for pair in line.split())
    return {"PATH": os.environ["PATH"], "WORKERS": "1", **dict(pairs)}


def command(unit: str, name: str, place: dict[str, str], environ: dict[str, str]) -> list[str]:
    (line,) = lines(unit, name)
    return [word.replace("${CONFIG}", environ["CONFIG"]) for word in shlex.split(placed(line, place))]


@pytest.fixture
def notices() -> Iterator[socket.socket]:
    """What systemd listens on (sd_notify(3)); in a directory of its own, for its path must be short."""
    with (
        tempfile.TemporaryDirectory() as directory,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
    ):
        listener.bind(f"{directory}/notify")
        listener.settimeout(20)
        yield listener


@pytest.mark.slow
def test_the_service_says_when_it_is_ready(place: dict[str, str], notices: socket.socket) -> None:
    unit = "satchel.service"
    assert lines(unit, "Type") == ["notify"]
    environ = surroundings(unit, place)
    prepare = command(unit, "ExecStartPre", place, environ)
    subprocess.run(prepare, cwd=ROOT, env=environ, check=True, capture_output=True, timeout=60)
    environ["NOTIFY_SOCKET"] = notices.getsockname()
    start = command(unit, "ExecStart", place, environ)
    process = subprocess.Popen(start, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert "READY=1" in notices.recv(4096).decode().splitlines()
        with socket.create_connection(("127.0.0.1", int(environ["PORT"])), 5) as connection:
            connection.settimeout(20)
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert lines(unit, "ExecReload") == ["/bin/kill -HUP $MAINPID"]
        process.send_signal(signal.SIGHUP)
        time.sleep(1)
        assert process.poll() is None
    finally:
        process.terminate()
        assert process.wait(int(lines(unit, "TimeoutStopSec")[0])) == 0


def test_the_rotation_is_of_the_services_keys(place: dict[str, str]) -> None:
    unit = "satchel-keys.service"
    environ = surroundings(unit, place)
    for name in ("CONFIG", "SATCHEL_STATE"):
        assert environ[name] == surroundings("satchel.service", place)[name]
    rotate = command(unit, "ExecStart", place, environ)
    done = subprocess.run(rotate, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert [line.split()[3] for line in done.stdout.splitlines()[1:]] == ["active", "standby"] * 3  # ES256, RS256, bags
