"""What `make check` says of the decision API in a configuration."""

from hashlib import sha256
from pathlib import Path

import pytest

from service.app import load
from service.config import ConfigError

DIGEST = sha256(b"secret").hexdigest()
KEY = f'keys = [{{ key = "10001", sha256 = "{DIGEST}" }}]'
TEXT = """
issuer = "https://as.example.com"
default_resource = "https://api.example.com"
{top}
[api]
enabled = true
{api}
[[resources]]
identifier = "https://api.example.com"
[[clients]]
id = "one"
auth_methods = ["none"]
{one}
[[clients]]
id = "2"
auth_methods = ["none"]
{two}
"""


def problems(tmp_path: Path, **parts: str) -> list[str]:
    file = tmp_path / "satchel.toml"
    file.write_text(TEXT.format(**{"top": "", "api": KEY, "one": "", "two": "", **parts}))
    try:
        load(file, {})
    except ConfigError as refusal:
        return [problem.path for problem in refusal.problems]
    return []


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"one": "number = 1", "two": "number = 2"},
        {"api": KEY + '\nbind = "127.0.0.1:9000"'},
        {"api": KEY + '\nbind = "[::1]:9000"'},
        {"api": KEY + f'\ntokens = ["{DIGEST}"]\npath = "/decisions/api"'},
        {"top": '[endpoints]\ntoken = "/apiary/token"'},
    ],
)
def test_what_is_fine(tmp_path: Path, parts: dict[str, str]) -> None:
    assert problems(tmp_path, **parts) == []


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ({"api": ""}, "api.keys"),
        ({"api": f'tokens = ["{DIGEST}"]'}, "api.keys"),
        ({"api": KEY.replace("10001", "mine")}, "api.keys[0].key"),
        ({"api": KEY.replace(DIGEST, "secret")}, "api.keys[0].sha256"),
        ({"api": KEY + '\ntokens = ["secret"]'}, "api.tokens[0]"),
        ({"api": KEY.replace("}]", f'}}, {{ key = "10001", sha256 = "{DIGEST}" }}]')}, "api.keys[1].key"),
        ({"api": KEY + '\nbind = "9000"'}, "api.bind"),
        ({"api": KEY + '\nbind = "127.0.0.1:0"'}, "api.bind"),
        ({"api": KEY + '\nbind = "127.0.0.1:http"'}, "api.bind"),
        ({"api": KEY + '\npath = "api"'}, "api.path"),
        ({"top": '[endpoints]\ntoken = "/api/token"'}, "endpoints.token"),
        ({"top": '[endpoints]\ntoken = "/api"'}, "endpoints.token"),
        ({"one": "number = 0"}, "clients[0].number"),
        ({"one": "number = 7", "two": "number = 7"}, "clients[1].number"),
        ({"one": "number = 2"}, "clients[0].number"),
    ],
)
def test_what_is_not(tmp_path: Path, parts: dict[str, str], path: str) -> None:
    assert problems(tmp_path, **parts) == [path]


def test_a_demo_offers_it_to_loopback_alone(tmp_path: Path) -> None:
    file = tmp_path / "satchel.toml"
    text = TEXT.format(top="demo = true", api=KEY + '\nbind = "0.0.0.0:9000"', one="", two="")
    file.write_text(text.replace("https://as.example.com", "http://127.0.0.1:8000"))
    with pytest.raises(ConfigError, match=r"loopback addresses only, not 0\.0\.0\.0:9000"):
        load(file, {})


def test_its_secrets_are_in_no_repr(tmp_path: Path) -> None:
    file = tmp_path / "satchel.toml"
    file.write_text(TEXT.format(top="", api=KEY + f'\ntokens = ["{DIGEST}"]', one="", two=""))
    assert DIGEST not in repr(load(file, {}))
