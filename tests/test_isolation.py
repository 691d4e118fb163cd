"""No test depends on who runs it, or on the tests before it."""

import os
import re

import pytest
import structlog

from service.web.events import configure_events
from tests.conftest import CALLER, forget_caller, kept_logging
from tests.worlds.demo import ROOT

READ = re.compile(r"""os\.environ\.get\("([A-Z_]+)"|\benviron\.get\("([A-Z_]+)"|os\.environ\["([A-Z_]+)"\]""")
EXPORTED = re.compile(r"^export ([A-Z_]+)", re.MULTILINE)


def test_the_variables_of_the_caller_reach_no_test(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [path for room in ("keys", "service") for path in (ROOT / room).rglob("*.py")]
    read = {name for path in sources for found in READ.findall(path.read_text()) for name in found if name}
    exported = set(EXPORTED.findall((ROOT / "Makefile").read_text()))
    assert {"CONFIG", "HOST", "PORT", "SATCHEL_STATE"} <= exported & read
    assert exported | read <= set(CALLER)
    for name in CALLER:
        monkeypatch.setenv(name, "9999")
    forget_caller()
    assert not set(CALLER) & os.environ.keys()


def test_what_one_test_does_to_the_log_ends_with_it() -> None:
    before = structlog.get_config()
    with kept_logging():
        configure_events("critical", bytes.upper)
        assert structlog.get_config() != before
    assert structlog.get_config() == before
