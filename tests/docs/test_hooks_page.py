"""docs/hooks.md: its code blocks are written to files, configured as the page says, and used."""

import asyncio
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from service.config.tables import Hooks
from service.decisions.form_request import FormRequest
from service.decisions.token.decide import decide_token
from service.hooks import TokenRequest, protocol
from service.hooks.load import METHODS
from service.hooks.plans import MAX_CLAIMS
from tests.worlds.demo import ROOT
from tests.worlds.http import basic, form_bytes
from tests.worlds.identifiers import API
from tests.worlds.issuers import RESOURCES, client, read
from tests.worlds.satchel import Satchel
from tests.worlds.users import ALICE

PAGE = (ROOT / "docs" / "hooks.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
BADGE = "https://acme.example/grants/badge"
CLIENTS = "\n".join(
    [
        '[[clients]]\nid = "legacy"\nauth_methods = ["none"]\ngrants = ["password"]\nscopes = ["read"]\n',
        client("web", "authorization_code", scopes=["read", "openid"], redirect_uris=["http://127.0.0.1/cb"]),
        *(client(name, "client_credentials", scopes=["read"]) for name in ("reports", "retired", "stranger")),
    ]
)


@pytest.fixture
def satchel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Satchel]:
    package = tmp_path / "code" / "acme"
    package.mkdir(parents=True)
    for language, text in BLOCKS:
        if language == "python":
            name = re.match(r"# acme/(\w+\.py)\n", text)
            assert name is not None
            with (package / name[1]).open("a") as file:
                file.write(text.removeprefix(name[0]) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    toml = RESOURCES.replace(ALICE, "").replace("[[resources]]", "[openid]\nenabled = true\n\n[[resources]]", 1)
    yield Satchel(tmp_path, toml + "".join(text for kind, text in BLOCKS if kind == "toml") + CLIENTS)
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme"]:
        del sys.modules[name]


def by_credentials(satchel: Satchel, name: str) -> Any:
    return satchel.post("/token", {"grant_type": "client_credentials"}, basic(name, "s")).json()


def test_every_method_has_its_example_and_its_protocol() -> None:
    code = "".join(text for language, text in BLOCKS if language == "python")
    assert set(re.findall(r"    (?:async )?def (\w+)\(self, ", code)) == {*METHODS, "note"}
    typed = [kind for _, kind in inspect.getmembers(protocol, inspect.isclass) if kind.__module__ == protocol.__name__]
    assert {name for kind in typed for name in vars(kind) if not name.startswith("_")} == set(METHODS)


def test_the_page_knows_the_limits_and_the_members_of_a_request() -> None:
    defaults = Hooks()
    for name in ("timeout", "threads", "queue", "events"):
        assert re.search(rf"`hooks\.{name}`\s\({getattr(defaults, name):g}\b", PAGE), name
    assert (f"at most {MAX_CLAIMS // 1024} KiB" in PAGE, MAX_CLAIMS % 1024) == (True, 0)
    for name, _ in inspect.getmembers(TokenRequest, inspect.isfunction):
        assert name.startswith("_") or re.search(rf"^\| `(await )?{name}\(", PAGE, re.MULTILINE), name


def test_the_users_of_the_page(satchel: Satchel) -> None:
    form = {"grant_type": "password", "client_id": "legacy", "username": "alice", "password": "wonderland"}
    assert read(satchel, satchel.post("/token", form).json()["access_token"]).sub == "u-1"
    assert satchel.post("/token", {**form, "password": "x"}).json()["error"] == "invalid_grant"


def test_the_claims_of_the_page(satchel: Satchel) -> None:
    code = satchel.code(client_id="web", sub="u-1", scopes=("openid", "read"))
    answer = satchel.post("/token", {"grant_type": "authorization_code", "code": code}, basic("web", "s")).json()
    assert read(satchel, answer["access_token"]).claims == {"roles": ["admin"]}
    assert jwt.decode(answer["id_token"], options={"verify_signature": False})["department"] == "rabbits"


def test_the_judgement_of_the_page(satchel: Satchel) -> None:
    assert read(satchel, by_credentials(satchel, "reports")["access_token"]).claims == {"tenant": "acme"}
    assert by_credentials(satchel, "retired") == {
        "error": "access_denied",
        "error_description": "the contract has ended",
    }
    assert by_credentials(satchel, "stranger")["error"] == "invalid_request"


def test_the_journal_of_the_page(satchel: Satchel) -> None:
    audit: Any = satchel.context.ports.audit

    async def run() -> None:
        for name in ("reports", "retired"):
            form_request = FormRequest(
                form_bytes({"grant_type": "client_credentials"}), basic(name, "s")["Authorization"]
            )
            await decide_token(satchel.context, form_request, satchel.now)
        await audit.process_shutdown({}, {})

    asyncio.run(run())
    hooks = audit._on_issued._function.__self__
    told = hooks.journal.execute("SELECT what, who FROM events").fetchall()
    hooks.journal.close()
    assert told == [("issued", "reports"), ("access_denied", "retired")]


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
