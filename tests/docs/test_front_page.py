"""docs/front.md: its login application is configured as the page says, and played with the page's own commands."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from tests.worlds.demo import DEMO, ROOT
from tests.worlds.gunicorn import Running
from tests.worlds.person import Person
from tests.worlds.pkce import VERIFIER

PAGE = (ROOT / "docs" / "front.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
CONFIG, READ, SHOWN, ISSUE, FAIL = (text for _, text in BLOCKS)
APPLICATION, CALLBACK = "http://127.0.0.1:5000/login", "http://127.0.0.1:5173/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_page_has_one_example() -> None:
    assert [language for language, _ in BLOCKS] == ["toml", "sh", "json", "sh", "sh"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("front"), DEMO + CONFIG) as running:
        yield running


@pytest.fixture
def lewis(server: Running) -> Iterator[Person]:
    with Person(server.url) as person:
        yield person


def query(url: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}


def ticket(server: Running, person: Person, **more: str) -> str:
    """What the login application gets by way of the person's browser."""
    pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    parameters = {"response_type": "code", "client_id": "spa", "redirect_uri": CALLBACK, "login_hint": "lewis"}
    asked = urlencode({**parameters, "scope": "openid profile read", **pkce, **more})
    url = person.browser_request(f"{server.url}/authorize?{asked}")
    assert url.startswith(APPLICATION), person.page
    return query(url)["ticket"]


def curl(server: Running, command: str, ticket: str) -> dict[str, Any]:
    """The JSON that a block of the page prints."""
    command = command.replace("http://127.0.0.1:8000", server.url)
    environ = {**os.environ, "TICKET": ticket}
    done = subprocess.run(["bash", "-euc", command], env=environ, capture_output=True, timeout=30, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.slow
def test_the_login_application(server: Running, lewis: Person) -> None:
    text = ticket(server, lewis)
    told, shown = curl(server, READ, text), json.loads(SHOWN)
    assert 880 < told.pop("expires_in") <= 900 >= shown.pop("expires_in")
    assert told == shown
    issued = curl(server, ISSUE, text)
    assert issued.keys() == {"redirect_to"}, issued
    code = query(lewis.browser_request(issued["redirect_to"]))["code"]
    form = {"grant_type": "authorization_code", "client_id": "spa", "redirect_uri": CALLBACK}
    tokens = server.post("/token", {**form, "code": code, "code_verifier": VERIFIER}).json()
    assert tokens["scope"] == "openid profile"
    key = jwt.PyJWKClient(server.url + "/jwks").get_signing_key_from_jwt(tokens["id_token"])
    claims = jwt.decode(tokens["id_token"], key, ["RS256"], audience="spa", issuer=server.url)
    assert (claims["sub"], claims["amr"], claims["acr"]) == ("u-17", ["pwd", "otp"], "urn:example:two-factors")
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert server.get("/userinfo", bearer).json() == {"sub": "u-17", "name": "Lewis Carroll"}


@pytest.mark.slow
def test_a_failure(server: Running, lewis: Person) -> None:
    failed = curl(server, FAIL, ticket(server, lewis, state="xyz"))
    told = query(lewis.browser_request(failed["redirect_to"]))
    assert (told["error"], told["state"], told["iss"]) == ("access_denied", "xyz", server.url)


@pytest.mark.slow
def test_another_browser(server: Running, lewis: Person) -> None:
    issued = curl(server, ISSUE, ticket(server, lewis))
    with Person(server.url) as somebody:
        somebody.browser_request(issued["redirect_to"])
        assert "this page has expired" in somebody.page


def test_every_setting_that_the_page_names() -> None:
    reference = (ROOT / "docs" / "configuration.md").read_text()
    tables = dict(re.findall(r"^## `\[+(\w+)\]+`\n(.*?)(?=^## |\Z)", reference, re.MULTILINE | re.DOTALL))
    named = [name.split(".") for name in re.findall(r"`(\w+\.\w+)`", PAGE)]
    named = [(table, setting) for table, setting in named if table in tables]
    assert len(named) > 10
    for table, setting in named:
        assert f"| `{setting}` |" in tables[table], f"{table}.{setting}"
