"""The documentation of hooks imports from `service.hooks` alone: what it shows does not depend on the rooms inside."""

import ast
import re

import pytest

import service.hooks
from tests.worlds.demo import ROOT

PAGES = ("hooks.md", "kaapi.md")


@pytest.mark.parametrize("page", PAGES)
def test_every_import_of_the_documentation_comes_from_service_hooks(page: str) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / page).read_text(), re.MULTILINE | re.DOTALL)
    files: dict[str, str] = {}
    for block in blocks:  # blocks that begin with the same line (`# acme/hooks.py`) are parts of one file
        first = block.partition("\n")[0]
        files[first] = files.get(first, "") + block
    nodes = [node for source in files.values() for node in ast.walk(ast.parse(source))]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    ours = [node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("service")]
    assert not any(name.startswith("service") for name in plain)
    assert ours
    assert {node.module for node in ours} == {"service.hooks"}
    assert {alias.name for node in ours for alias in node.names} <= set(service.hooks.__all__)
