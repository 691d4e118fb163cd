"""Attack 118: random damage to a configuration is a named problem, never a traceback."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.app import load
from service.config import ConfigError, Problem
from tests.worlds.demo import DEMO

VALUES = (
    '"HTTPS://["',
    '"http://[::1"',
    '"//"',
    '"http://a:99999999"',
    '"javascript:alert(1)"',
    "[[[[1]]]]",
    "true",
    "-1",
    "1.5",
    "9" * 5000,
    "[" * 5000 + "]" * 5000,
    '"\\u0000"',
    '"' + "a" * 5000 + '"',
    "{}",
    "[]",
    '""',
    "nan",
    "inf",
    "1979-05-27",
    '"127.0.0.1:x"',
    '"[::1"',
    '"unix:"',
    '"*"',
    '"http://a/b c"',
    '"../../etc/passwd"',
    '"sys:exit"',
    '"this:s"',
    '"\\uD7FF"',
)
SETTINGS = (
    "issuer",
    "pages.logo",
    "pages.templates",
    "login.url",
    "login.client",
    "api.bind",
    "api.path",
    "memory.url",
    "memory.kind",
    "memory.path",
    "memory.quota",
    "keys.directory",
    "keys.master_key_file",
    "keys.signing_algs",
    "proxies.trusted",
    "proxies.authorities",
    "proxies.certificate_header",
    "hooks.object",
    "hooks.authenticate_user",
    "users.file",
    "endpoints.token",
    "endpoints.authorize",
    "openid.enabled",
    "lifetimes.access_token",
    "logging.level",
    "default_resource",
)


def damaged(dice: random.Random) -> str:
    """The demo's configuration with one to three faults: lines lost, moved, or with another value; bytes changed."""
    lines = DEMO.splitlines()
    for _ in range(dice.randint(1, 3)):
        at, kind = dice.randrange(len(lines)), dice.randrange(7)
        name, equals, _ = lines[at].partition("=")
        if kind == 0:
            lines[at] = ""
        elif kind == 1 and equals:
            lines[at] = f"{name}= {dice.choice(VALUES)}"
        elif kind == 2:
            lines.insert(dice.randrange(len(lines)), lines[at])
        elif kind == 3:
            lines.insert(0, f"{dice.choice(SETTINGS)} = {dice.choice(VALUES)}")
        elif kind == 4 and lines[at]:
            middle = dice.randrange(len(lines[at]))
            lines[at] = (
                lines[at][:middle] + chr(dice.choice((0, 9, 34, 91, 92, 123, 200, 0x202E))) + lines[at][middle + 1 :]
            )
        elif kind == 5 and equals:
            lines[at] = f"{name}{dice.choice('xyz_.')}{equals}{lines[at].partition('=')[2]}"
        else:
            lines.insert(
                at, f"{dice.choice(('[', '[['))}{dice.choice(('clients', 'resources', 'users.known', 'a.b'))}]"
            )
    return "\n".join(lines)


def variants(seed: int, number: int) -> Iterator[str]:
    dice = random.Random(seed)
    return (damaged(dice) for _ in range(number))


def problems_of(file: Path, environ: dict[str, str]) -> list[Problem]:
    try:
        load(file, environ)
    except ConfigError as fault:
        return fault.problems
    return []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_118_ten_thousand_damaged_files_are_refused_by_name_or_accepted(tmp_path: Path, seed: int) -> None:
    file, refused, accepted = tmp_path / "satchel.toml", 0, 0
    environ = {"SATCHEL_STATE": str(tmp_path), "SATCHEL_BIND": "127.0.0.1:8000"}
    for text in variants(seed, 2500):
        file.write_text(text)
        problems = problems_of(file, environ)
        assert not any("cannot be checked by" in str(problem) for problem in problems), text
        refused += bool(problems)
        accepted += not problems
    assert refused > 1000
    assert accepted > 100
