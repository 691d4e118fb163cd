"""docs/decision-api.md: its configuration loads, its examples run, and its tables are whole."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from authlete.dto import TokenResponse as Theirs

from service.app import load
from service.decision_api.calls import CALLS, NOT_KEPT
from service.decision_api.tokens import TokenResponse as Ours
from tests.worlds.demo import ROOT
from tests.worlds.gunicorn import Running

PAGE = (ROOT / "docs" / "decision-api.md").read_text()
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
HEAD = """
issuer = "https://as.example.com"
default_resource = "https://api.example.com"
"""
RESOURCE = '[[resources]]\nidentifier = "https://api.example.com"\n'


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text: str) -> dict[str, str]:
    return dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("decision_api"), workers=1) as running:
        yield running


def test_the_configuration_loads(tmp_path: Path) -> None:
    file = tmp_path / "satchel.toml"
    file.write_text(HEAD + BLOCKS["toml"] + RESOURCE)
    api = load(file, {}).api
    assert (api.enabled, api.bind, api.keys[0].key, len(api.tokens)) == (True, "127.0.0.1:8001", "10001", 1)


@pytest.mark.slow
def test_the_first_call(server: Running) -> None:
    command = [part.replace("http://127.0.0.1:8000", server.url) for part in shlex.split(BLOCKS["sh"])]
    done = subprocess.run(command, capture_output=True, timeout=30, check=True)
    assert msgspec.json.decode(done.stdout)["action"] == "OK"


@pytest.mark.slow
def test_the_token_endpoint(server: Running) -> None:
    made: dict[str, Any] = {}
    source = BLOCKS["python"].replace("http://127.0.0.1:8000", server.url)
    exec(compile(source, "docs/decision-api.md", "exec"), made)
    status, content = made["token_endpoint"]("grant_type=client_credentials", "123456789", "987654321")
    assert (status, "access_token" in content) == (200, True)
    assert made["token_endpoint"]("grant_type=client_credentials", "123456789", "wrong")[0] == 401
    assert made["token_endpoint"]("grant_type=nonsense", "123456789", "987654321")[0] == 400


def test_the_table_maps_every_member_of_a_token_response() -> None:
    table = rows(section("TokenResponse, member by member"))
    assert table.keys() == vars(Theirs()).keys()
    filled = {field.encode_name for field in msgspec.structs.fields(Ours)}
    assert {name for name, source in table.items() if not source.startswith("absent:")} == filled


def test_every_call_is_named() -> None:
    listed = set(re.findall(r"`/([a-z_/]+)`", section("The calls")))
    assert listed == set(CALLS)
    own = section("Where Satchel differs from Authlete")
    assert all(f"`/{prefix}" in own for prefix in NOT_KEPT if prefix != "hsk")


def test_the_server_that_it_points_to_is_there() -> None:
    assert all((ROOT / path).exists() for path in re.findall(r"`((?:tests|service)/[\w/]+\.py)`", PAGE))
