"""docs/attacks.md and the tests agree: a test names the number of the attack that it tries (`test_38_…`)."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

from tests.worlds.demo import ROOT

PAGE = (ROOT / "docs" / "attacks.md").read_text()
ROWS = {int(number): text for number, text in re.findall(r"^\| (\d+) \| (.+) \|$", PAGE, re.MULTILINE)}
UNTESTED = {number for number, text in ROWS.items() if re.search(r"\((open|not built)\)$", text)}
OTHERS = PAGE.partition("\n## Published vulnerabilities of others\n")[2]
SECTIONS = "tests/rfc"
"""Where the numbers in the names of tests are sections of an RFC."""


@cache
def every_test(root: Path) -> list[tuple[str, str]]:
    """Every test function under `root`, as path and name."""
    found = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.append((path.relative_to(root).as_posix(), node.name))
    return found


def cited(root: Path) -> dict[int, list[str]]:
    """The tests of each attack."""
    found = defaultdict(list)
    for path, name in every_test(root):
        numbers = re.match(r"test_((?:\d+_)+)", name)
        if numbers and not path.startswith(SECTIONS):
            for number in numbers[1].split("_")[:-1]:
                found[int(number)].append(f"{path}::{name}")
    return found


def test_the_numbers_have_no_gap() -> None:
    numbers = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(1, len(ROWS) + 1))


def test_every_number_that_a_test_cites_is_on_the_page() -> None:
    assert {number: names for number, names in cited(ROOT).items() if number not in ROWS} == {}


def test_every_attack_has_a_test_or_is_marked() -> None:
    assert [f"{n}: {ROWS[n]}" for n in sorted(ROWS.keys() - cited(ROOT).keys() - UNTESTED)] == []


def test_an_attack_with_a_test_has_no_mark() -> None:
    assert {number: names for number, names in cited(ROOT).items() if number in UNTESTED} == {}


def test_every_published_vulnerability_has_its_test() -> None:
    known, rows = {name for _, name in every_test(ROOT)}, re.findall(r"^\| .+ \| (.+) \|$", OTHERS, re.MULTILINE)
    named = set(re.findall(r"`(test_\w+)`", OTHERS))
    assert named == {name for name in known if re.match(r"test_(cxf|\w+_cve)_", name)}
    numbers = {int(number) for row in rows for number in re.findall(r"^\d+|(?<=, )\d+", row)}
    assert numbers
    assert numbers <= ROWS.keys() - UNTESTED


def test_numbers_are_read_from_names(tmp_path: Path) -> None:
    for path, name in [("attacks/test_a.py", "test_07_131_x"), ("rfc/test_b.py", "test_9_x"), ("test_c.py", "test_x")]:
        (tmp_path / "tests" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests" / path).write_text(f"def {name}(): pass\n")
    assert cited(tmp_path) == {n: ["tests/attacks/test_a.py::test_07_131_x"] for n in (7, 131)}
