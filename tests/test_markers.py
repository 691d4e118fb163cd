"""Every test says what it needs: `make test-fast` runs those that need no server and no program of other people."""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.worlds.demo import ROOT

TESTS = ROOT / "tests"
MARKERS = {"slow", "browser", "external"}


class Definition(NamedTuple):
    """A function, class or constant at the left edge of a module."""

    module: Path
    node: ast.AST


@cache
def definitions(module: Path) -> dict[str, Definition]:
    """What `module` defines and imports from other modules of the tests, by name."""
    found = {}
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = Definition(module, node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {t.id: Definition(module, node) for t in targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
            source = ROOT.joinpath(*str(node.module).split(".")).with_suffix(".py")
            if source.exists():
                theirs = definitions(source)
                found |= {a.asname or a.name: theirs[a.name] for a in node.names if a.name in theirs}
    return found


@cache
def in_scope(module: Path) -> dict[str, Definition]:
    """The names that mean something in a test of `module`: its own before those of the conftests above it."""
    conftests = [folder / "conftest.py" for folder in module.parents if folder.is_relative_to(TESTS)]
    found: dict[str, Definition] = {}
    for conftest in reversed(conftests):
        found |= definitions(conftest) if conftest.exists() else {}
    return found | definitions(module)


class Facts(NamedTuple):
    """What one definition uses, the markers that it needs, and the markers that it has."""

    uses: frozenset[Definition]
    needs: frozenset[str]
    has: frozenset[str]


def _is_path(called: ast.expr) -> bool:
    of = called.value if isinstance(called, ast.Attribute) and called.attr == "path" else None
    return isinstance(of, ast.Name) and of.id == "programs"


@cache
def facts(definition: Definition) -> Facts:
    """Read one definition; a fixture is used by the parameter of its name."""
    names, stored, attributes, needs = set(), set(), set(), set()
    for node in ast.walk(definition.node):
        if isinstance(node, ast.Name):
            (stored if isinstance(node.ctx, ast.Store) else names).add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Attribute):
            attributes.add(node.attr)
        elif isinstance(node, ast.Call) and _is_path(node.func):
            needs.add("browser" if ast.literal_eval(node.args[0]) == "chromium" else "external")
    if {"Popen", "executable"} <= attributes:
        needs.add("slow")
    if isinstance(definition.node, ast.FunctionDef):
        names -= stored
    known = in_scope(definition.module)
    return Facts(
        frozenset(known[name] for name in names & known.keys()), frozenset(needs), frozenset(attributes & MARKERS)
    )


def unmarked(module: Path) -> list[str]:
    """The tests of `module` that start a program, by name or through a fixture, without the marker of that."""
    found, own = [], definitions(module)
    for name, test in own.items():
        if name.startswith("test_") and test.module == module:
            reached, waiting = set(), {test, *([own["pytestmark"]] if "pytestmark" in own else [])}
            while waiting:
                reached |= waiting
                waiting = {used for definition in waiting for used in facts(definition).uses} - reached
            needed, has = (set().union(*(facts(each)[n] for each in reached)) for n in (1, 2))
            found += [f"{module.name}::{name} is not marked {marker}" for marker in needed - has]
    return sorted(found)


def test_every_test_that_starts_a_program_says_so() -> None:
    assert [line for module in sorted(TESTS.rglob("test_*.py")) for line in unmarked(module)] == []


SERVER = """
import subprocess, sys
import pytest
from tests.worlds import programs

def start():
    return subprocess.Popen([sys.executable, "-m", "gunicorn"])

@pytest.fixture
def server():
    return start()

@pytest.fixture
def proxy(server):
    return programs.path("nginx")

"""


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("def test_a(): pass", []),
        ("def test_a(server): pass", ["slow"]),
        ("def test_a(): start()", ["slow"]),
        ("@pytest.mark.slow\ndef test_a(server): pass", []),
        ("@pytest.mark.slow\ndef test_a(proxy): pass", ["external"]),
        ("pytestmark = [pytest.mark.slow, pytest.mark.external('nginx')]\ndef test_a(proxy): pass", []),
        ("def test_a(): programs.path('chromium')", ["browser"]),
    ],
)
def test_a_test_without_its_marker_is_found(tmp_path: Path, source: str, missing: list[str]) -> None:
    module = tmp_path / "test_planted.py"
    module.write_text(SERVER + source)
    assert [line.rpartition(" ")[2] for line in unmarked(module)] == missing


def test_no_test_looks_for_a_program_by_itself() -> None:
    own = {TESTS / "worlds" / "programs.py", TESTS / "bench" / "load.py", Path(__file__)}
    sources = {path: path.read_text(encoding="utf-8") for path in set(TESTS.rglob("*.py")) - own}
    assert [path for path, source in sources.items() if "shutil.which" in source] == []
