"""docs/hooks.md: its code blocks are written to files, configured as the page says, and used."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.grants.issuing import API, RESOURCES, read
from tests.satchel import ROOT, Satchel, basic

PAGE = (ROOT / "docs" / "hooks.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
BADGE = "https://acme.example/grants/badge"


@pytest.fixture
def satchel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    package = tmp_path / "code" / "acme"
    package.mkdir(parents=True)
    for language, text in BLOCKS:
        if language == "python":
            name = re.match(r"# acme/(\w+\.py)\n", text)
            assert name is not None
            (package / name[1]).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    password = '[[clients]]\nid = "legacy"\nauth_methods = ["none"]\ngrants = ["password"]\nscopes = ["read"]\n'
    yield Satchel(tmp_path, RESOURCES + "".join(text for kind, text in BLOCKS if kind == "toml") + password)
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme"]:
        del sys.modules[name]


def test_the_page_has_two_examples() -> None:
    assert [language for language, _ in BLOCKS] == ["python", "toml", "python", "toml"]


def test_the_users_of_the_page(satchel: Satchel) -> None:
    form = {"grant_type": "password", "client_id": "legacy", "username": "alice", "password": "wonderland"}
    assert read(satchel, satchel.post("/token", form).json()["access_token"]).sub == "u-1"
    assert satchel.post("/token", {**form, "password": "x"}).json()["error"] == "invalid_grant"


def test_the_grant_of_the_page(satchel: Satchel) -> None:
    form = {"grant_type": BADGE, "badge": "4711"}
    lobby = basic("lobby", "s")
    token = read(satchel, satchel.post("/token", form, lobby).json()["access_token"])
    assert (token.sub, token.client_id, token.aud, token.scope, token.amr) == ("u-1", "lobby", (API,), "read", ("hwk",))
    again = satchel.post("/token", form, lobby)
    assert (again.status, again.json()["error_description"]) == (400, "the badge was read a moment ago")
    satchel.now += 1
    assert satchel.post("/token", form, lobby).status == 200
    unknown = satchel.post("/token", {**form, "badge": "1"}, lobby)
    assert unknown.json() == {"error": "invalid_grant", "error_description": "the badge is not known"}
    assert BADGE in satchel.get("/.well-known/oauth-authorization-server").json()["grant_types_supported"]
