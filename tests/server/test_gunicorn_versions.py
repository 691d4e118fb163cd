"""The worker uses gunicorn's public interface only, so releases from 26.1 on serve it alike."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.raw_http import exchange
from tests.server.toy_service import serving

pytestmark = [pytest.mark.external, pytest.mark.slow]

POST = b"POST /whole/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab"


@pytest.mark.parametrize("version", ["==26.1.0", "==26.2.0", ""], ids=["26.1.0", "26.2.0", "newest"])
def test_a_release_of_gunicorn_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        str(tmp_path),
        f"gunicorn{version}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with serving() as server:
        server.until("Starting gunicorn " + version.removeprefix("=="))
        (answer,) = exchange(server.port, POST)
        assert (answer.status, answer.json["whole"]) == (200, 2)


def test_nothing_private_of_gunicorn_is_used() -> None:
    room = Path(__file__).parents[2] / "service"
    source = {path.name: path.read_text() for path in room.rglob("*.py")}
    imported = [
        line for text in source.values() for line in text.splitlines() if "gunicorn" in line and "import" in line
    ]
    assert [line for line in imported if line.startswith(("import gunicorn", "from gunicorn"))] == [
        "from gunicorn.workers.base import Worker as GunicornWorker"
    ]
