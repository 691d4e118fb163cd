"""The README says what is true: its commands are run, in order, against a server."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.worlds.demo import ROOT
from tests.worlds.gunicorn import Running
from tests.worlds.person import Person

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(sh|python) run\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SHOWN = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", README, re.MULTILINE | re.DOTALL)]


class Reader:
    """Somebody at a terminal, who keeps what is shown in variables, with a browser beside it."""

    def __init__(self, server: Running, file: Path) -> None:
        self._url = server.url
        self._file = file
        self._environ = {**server.environ, "BIN": os.path.dirname(sys.executable)}  # noqa: PTH120
        self.person = Person(server.url)

    def run(self, language: str, code: str) -> list[dict[str, Any]]:
        """Run a block; return the JSON in its output."""
        code = code.replace("http://127.0.0.1:8000", self._url).replace(".venv/bin/python", sys.executable)
        code = re.sub(r"make (keys|rotate-keys)( FORCE=1)?", r"make BIN=$BIN \1\2", code)
        shell = ["bash", "-aeuo", "pipefail", "-c", f"{code}\nenv -0 > {self._file}"]
        command = shell if language == "sh" else [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=ROOT, env=self._environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (code, done.stderr)
        assert done.stdout, code
        if language == "sh":
            self._environ = dict(line.split("=", 1) for line in self._file.read_text().split("\0") if line)
        if done.stdout.startswith("http"):
            self._open(done.stdout.strip())
        lines = re.sub(r"}\s*{", "}\n{", done.stdout).splitlines()
        return [self._keep(json.loads(line)) for line in lines if line.startswith("{")]

    def _keep(self, answer: dict[str, Any]) -> dict[str, Any]:
        assert "error" not in answer, answer
        self._environ |= {name.upper(): value for name, value in answer.items() if isinstance(value, str)}
        self._environ.setdefault("TOKEN", self._environ.get("ACCESS_TOKEN", ""))
        if "verification_uri_complete" in answer:
            self._open(answer["verification_uri_complete"])
        return answer

    def _open(self, url: str) -> None:
        query = parse_qs(urlsplit(self.person.authorize(url)).query)
        self._environ |= {name.upper(): values[0] for name, values in query.items()}


@pytest.mark.slow
@pytest.mark.external("curl")
def test_every_block(running: Running, tmp_path: Path) -> None:
    reader, answers = Reader(running, tmp_path / "environment"), []
    with reader.person:
        for language, code in BLOCKS:
            answers += reader.run(language, code)
    first, login, told, refreshed, started, device = answers[:6]
    assert [first.keys(), started.keys()] == [shown.keys() for shown in SHOWN]
    assert {"access_token", "refresh_token", "id_token"} <= login.keys() & refreshed.keys()
    assert told["name"] == "Alice Liddell"
    assert device["scope"] == "read"
    assert [answer["active"] for answer in answers if "active" in answer] == [True]


@pytest.mark.slow
def test_the_configuration_reference_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service", "reference"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == (ROOT / "docs" / "configuration.md").read_text()


def test_every_link_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "client").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if not link.startswith("http"):
                assert (page.parent / link).exists(), f"{page.name}: {link}"
