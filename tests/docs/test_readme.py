"""The README says what is true: its commands are run, in order, against a server."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.satchel import ROOT, Running

BLOCKS = re.findall(r"^```(sh|python) run\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def token(running: Running) -> str:
    """The token that the README calls TOKEN."""
    return running.token()


@pytest.mark.parametrize(("language", "code"), BLOCKS, ids=[str(n) for n in range(len(BLOCKS))])
def test_block(language: str, code: str, running: Running, token: str) -> None:
    code = code.replace("http://127.0.0.1:8000", running.url).replace(".venv/bin/python", sys.executable)
    code = re.sub(r"make (keys|rotate-keys)( FORCE=1)?", r"make BIN=$BIN \1\2", code)
    environ = {**running.environ, "TOKEN": token, "BIN": os.path.dirname(sys.executable)}  # noqa: PTH120
    command = ["bash", "-euo", "pipefail", "-c", code] if language == "sh" else [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            assert "error" not in re.sub(r"}{", "}\n{", line)


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 6


def test_the_configuration_reference_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service", "reference"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == (ROOT / "docs" / "configuration.md").read_text()


def test_every_link_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if not link.startswith("http"):
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_first_answer_is_what_the_readme_shows(running: Running) -> None:
    shown = re.search(r"^```json\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert shown is not None
    answer = running.post(
        "/token", "grant_type=client_credentials", {"Authorization": "Basic MTIzNDU2Nzg5Ojk4NzY1NDMyMQ=="}
    )
    assert json.loads(shown[1]).keys() == answer.json().keys()
