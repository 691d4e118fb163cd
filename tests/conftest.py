"""Fixtures: Satchel in this process with a clock of its own, and Satchel as gunicorn serves it."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests.worlds import ports, programs
from tests.worlds.demo import DEMO
from tests.worlds.gunicorn import Running
from tests.worlds.satchel import Satchel

# A slow machine is no failure; and what decides about a change looks at the same examples each time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

CALLER = (
    *("CONFIG", "HOST", "PORT", "PROMETHEUS_MULTIPROC_DIR", "SATCHEL_BIND", "SATCHEL_STATE", "WORKERS"),
    *("GUNICORN_CMD_ARGS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"),
)
"""Variables that Satchel, gunicorn and make read. `make test` exports some of them; its caller may set the others."""
"""Variables that Satchel, gunicorn and make read; `make test` exports some, and its caller may set the others."""


def forget_caller() -> None:
    """Remove the variables of whoever runs the tests; a test sets those that it needs."""
    for name in CALLER:
        os.environ.pop(name, None)


forget_caller()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test on a machine without the programs that its marks name."""
    needed = {program for mark in item.iter_markers("external") for program in mark.args}
    needed |= {"chromium" for _ in item.iter_markers("browser")}
    missing = sorted(program for program in needed if programs.find(program) is None)
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@contextlib.contextmanager
def kept_logging() -> Iterator[None]:
    """Restore the configuration of structlog, which every application in this process replaces by its own."""
    before, configured = structlog.get_config(), structlog.is_configured()
    try:
        yield
    finally:
        if configured:
            structlog.configure(**before)
        else:
            structlog.reset_defaults()


@pytest.fixture(autouse=True, scope="module")
def _logging_of_a_module() -> Iterator[None]:
    with kept_logging():
        yield


@pytest.fixture(autouse=True)
def _logging_of_a_test() -> Iterator[None]:
    with kept_logging():
        yield


@pytest.fixture
def satchel(tmp_path: Path) -> Satchel:
    """The demo configuration, served in this process."""
    return Satchel(tmp_path, DEMO)


@pytest.fixture
def make_satchel(tmp_path: Path) -> Callable[[str], Satchel]:
    """Satchels of other configurations (TOML text); each call has a directory of its own."""
    made: list[Satchel] = []

    def make(toml: str) -> Satchel:
        made.append(Satchel(tmp_path / str(len(made)), toml))
        return made[-1]

    return make


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The demo configuration, served by gunicorn on a free port of loopback."""
    with Running(tmp_path_factory.mktemp("running")) as server:
        yield server


@pytest.fixture
def free_port() -> int:
    """A port of loopback that nobody listens on."""
    return ports.free_port()
