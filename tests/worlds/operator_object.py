"""Satchel with an operator's own object, whose methods a test gives."""

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.worlds.demo import DEMO
from tests.worlds.http import Answer
from tests.worlds.satchel import Satchel

MODULE = "operators_object"


def own(directory: Path, settings: str = "", toml: str = DEMO, **methods: Callable[..., Any]) -> Satchel:
    """The demo's service with `methods` in the object of `hooks.object`, and `settings` in the same table."""
    module = types.ModuleType(MODULE)
    module.Hooks = type("Hooks", (), {name: staticmethod(call) for name, call in methods.items()})  # type: ignore[attr-defined]
    sys.modules[MODULE] = module
    try:
        return Satchel(directory, f'{toml}\n[hooks]\nobject = "{MODULE}:Hooks"\n{settings}\n')
    finally:
        del sys.modules[MODULE]


def failures(satchel: Satchel) -> list[tuple[str, str]]:
    """The failed hooks in the log, with the fault of each."""
    return [(line["hook"], line["fault"]) for line in satchel.log if line.get("event") == "hook failed"]


def assert_contained(satchel: Satchel, answer: Answer, method: str, fault: str, secret: str = "hush") -> None:
    """The answer is server_error; the log names the hook and the fault, and nothing says `secret`."""
    assert (answer.status, answer.json()["error"]) == (500, "server_error"), answer.body
    assert failures(satchel)[-1] == (f"{MODULE}:Hooks.{method}", fault)
    assert secret.encode() not in b"".join(satchel.lines) + answer.body
