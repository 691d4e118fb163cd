"""The router as its users run it: in a process of its own, on a free port of loopback."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import httpx

from tests.worlds.demo import ROOT
from tests.worlds.ports import free_port


class Sidecar:
    """Runs while entered; `toml` is its configuration but for where it listens."""

    def __init__(self, directory: Path, toml: str, **environ: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / "router.log"
        self._file = directory / "router.toml"
        self._file.write_text(f"{toml}\n[listen]\nport = {self.port}\n")
        self._environ = {**os.environ, "PYTHONPATH": str(ROOT / "client"), **environ}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "satchel_client.router", "--config", str(self._file)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, env=self._environ, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return self
            except httpx.TransportError:
                assert self._process.poll() is None, self.log.read_text()
                time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
