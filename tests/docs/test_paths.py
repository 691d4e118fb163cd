"""Every file that a page names exists."""

import re
from pathlib import Path

import pytest

from tests.worlds.demo import ROOT

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "client").glob("*.md")]
FILE = re.compile(r"`((?:\.ci|client|deploy|docs|jose|keys|service|tests)/[\w./-]*|\w+\.(?:md|toml))`")


def named(page: Path) -> set[str]:
    """The files and directories of the project in the text of `page`."""
    return {path for path in FILE.findall(page.read_text()) if path not in ELSEWHERE}


ELSEWHERE = {"router.toml"}
"""Files that the reader writes."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_exists(page: Path) -> None:
    assert {path for path in named(page) if not (ROOT / path).exists()} == set()


def test_the_recipes_name_files() -> None:
    recipes = re.findall(
        r"^### ([^\n]+)\n(.*?)(?=^##)", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert len(recipes) == 8
    for title, text in recipes:
        assert len(FILE.findall(text)) >= 2, title


def test_a_page_with_a_wrong_path_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("`service/no_such_file.py`, `tests/`, `CHANGELOG.md`, `app.path`")
    assert named(page) == {"service/no_such_file.py", "tests/", "CHANGELOG.md"}
