"""Programs of their own process, each on a port of loopback, ended by its id."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.worlds.demo import ROOT


@contextmanager
def program(*arguments: str, port: int, log: Path, alive: str, **environ: str) -> Iterator[str]:
    """Run `python -m arguments…` until the path `alive` is answered; yields its URL, and ends it afterwards."""
    url = f"http://127.0.0.1:{port}"
    path = os.pathsep.join([str(ROOT), str(ROOT / "client")])
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, **environ},
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + 30
        while not _answers(url + alive):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code < 500
    except httpx.TransportError:
        return False
