"""The files of the source: no circle of imports, no file in two rooms, and a table in every room."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.test_floors import ROOT, imports, module_of, within

SOURCES = {"satchel_jose": "jose", "keys": "", "service": "", "satchel_client": "client"}
"""The packages, and the directory that each is in."""
ALIASES = {"service.gunicorn_conf"}
"""Modules that only pass on another: `-c python:service.gunicorn_conf` stands in operators' unit files."""


def modules(root: Path) -> dict[str, Path]:
    """The source file of every module of ours."""
    places = [(package, root / place) for package, place in SOURCES.items()]
    return {module_of(path, place): path for package, place in places for path in (place / package).rglob("*.py")}


def import_graph(paths: dict[str, Path]) -> dict[str, set[str]]:
    """The modules that each module imports; a name in a package is the submodule of that name, if there is one."""
    graph: dict[str, set[str]] = {}
    for module, path in paths.items():
        graph[module] = set()
        for name in imports(ast.parse(path.read_text(encoding="utf-8")), module, path.name == "__init__.py"):
            while name and name not in paths:
                name = name.rpartition(".")[0]
            graph[module] |= {name} - {"", module}
    return graph


def circle(root: Path) -> list[str]:
    """Modules of which each imports the one before it, and the first is the last; none where nothing goes round."""
    try:
        TopologicalSorter(import_graph(modules(root))).prepare()
    except CycleError as found:
        return list(found.args[1])
    return []


def test_no_import_goes_round() -> None:
    assert circle(ROOT) == []
    graph = import_graph(modules(ROOT))
    assert "service.grants.plan" in graph["service.decisions.token.settle"]
    assert "keys" in graph["service.app"]
    assert "satchel_jose.jwk" in set().union(*(graph[module] for module in graph if within(module, "satchel_client")))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("from service.web.two import x", "import service.web.one"),
        ("from service.web import two", "def late():\n    from . import one"),
        ("from . import two", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .one import x"),
    ],
)
def test_a_circle_is_found(tmp_path: Path, one: str, two: str) -> None:
    room = tmp_path / "service" / "web"
    room.mkdir(parents=True)
    (room / "__init__.py").touch()
    (room / "one.py").write_text(one)
    (room / "two.py").write_text("")
    assert circle(tmp_path) == []
    (room / "two.py").write_text(two)
    assert set(circle(tmp_path)) == {"service.web.one", "service.web.two"}


def statements(path: Path) -> list[str]:
    """The statements of a module at its left edge, without its docstring, as Python writes them."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return [
        ast.unparse(node) for node in body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]


def strays(root: Path) -> list[str]:
    """Modules that stand in a second room: copies, links, and modules that only pass on the names of another."""
    found, seen = [], {}
    for module, path in sorted(modules(root).items()):
        code = statements(path)
        if path.is_symlink():
            found.append(f"{module} is a link")
        if path.name == "__init__.py" or module in ALIASES:
            continue
        if all(line.startswith(("import ", "from ")) for line in code):
            found.append(f"{module} only imports")
        elif (other := seen.setdefault(tuple(code), module)) != module:
            found.append(f"{module} is {other}")
    return found


def test_no_file_is_in_two_rooms(tmp_path: Path) -> None:
    assert strays(ROOT) == []
    for name, source in {
        "web/gate.py": '"""A gate."""\nimport falcon\n\n\ndef gate():\n    return 1\n',
        "protocol/gate.py": "import falcon\n\ndef gate(): return 1",
        "config/gate.py": "from service.web.gate import gate",
    }.items():
        path = tmp_path / "service" / name
        path.parent.mkdir(parents=True)
        path.write_text(source)
    (tmp_path / "service" / "linked.py").symlink_to(path)
    assert strays(tmp_path) == [
        "service.config.gate only imports",
        "service.linked is a link",
        "service.linked only imports",
        "service.web.gate is service.protocol.gate",
    ]


def unnamed(root: Path) -> dict[str, list[str]]:
    """For each package what is in it and not in its docstring, as `a.py` or `b/` anywhere, or as `a` in a table."""
    missing = {}
    packages = {module: path for module, path in modules(root).items() if path.name == "__init__.py"}
    for module, path in packages.items():
        doc = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").replace("`", "")
        cells = re.split(r"[|,]", "|".join(line for line in doc.splitlines() if line.startswith("|")))
        named = set(re.findall(r"(?<![\w./])(\w+)(?:\.py|/)", doc)) | {cell.strip() for cell in cells}
        inside = {file.stem for file in path.parent.glob("*.py")}
        inside |= {file.parent.name for file in path.parent.glob("*/__init__.py")}
        missing[module] = sorted(name for name in inside - named if not name.startswith("__"))
    return {module: names for module, names in missing.items() if names}


def test_every_room_has_its_table() -> None:
    """The rooms of the service and of the keys; a reader finds each file in the table of its room."""
    found = unnamed(ROOT)
    assert {module: names for module, names in found.items() if within(module, "service") or module == "keys"} == {}


def test_a_file_that_no_table_names_is_found(tmp_path: Path) -> None:
    room = tmp_path / "service" / "web"
    (room / "pages").mkdir(parents=True)
    (room / "__init__.py").write_text(
        '"""A room.\n\n| gates | `gate.py` |\n| cors |\n\npages/ shows what the log tells.\n"""\n'
    )
    for name in ("gate.py", "cors.py", "log.py", "pages/__init__.py"):
        (room / name).touch(exist_ok=True)
    assert unnamed(tmp_path) == {"service.web": ["log"]}
    (room / "pages" / "page.py").touch()
    assert unnamed(tmp_path) == {"service.web": ["log"], "service.web.pages": ["page"]}
