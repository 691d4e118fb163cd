"""Attack 85: an origin that is registered opens nothing to `null`, nor to anything that looks like it."""

from pathlib import Path

import pytest

from service.config import ConfigError
from tests.worlds.demo import CXF, DEMO
from tests.worlds.http import Answer
from tests.worlds.satchel import Satchel

HOME = "https://app.example.com"
NEAR = [
    "null",
    "NULL",
    "*",
    "",
    "https://app.example.com.evil.example",
    "https://evil.example/https://app.example.com",
    "https://app.example.com:443",
    "https://app.example.com:8443",
    "https://app.example.com/",
    "https://APP.example.com",
    "http://app.example.com",
    "https://sub.app.example.com",
    "https://app.example.co",
    "https://app.example.com, null",
    f"{HOME} {HOME}",
    f"{HOME}\t",
    f"{HOME}\xa0",
    "file://",
]
PATHS = ("/token", "/introspect", "/revoke")
FORM = b"grant_type=client_credentials&token=x"
KIND = ("Content-Type", "application/x-www-form-urlencoded")


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    text = DEMO.replace('id = "123456789"\n', f'id = "123456789"\norigins = ["{HOME}"]\n')
    return Satchel(tmp_path_factory.mktemp("cors"), text)


def cors_fields(answer: Answer) -> set[str]:
    return {name for name in answer.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("path", PATHS)
def test_85_the_registered_origin_is_heard(satchel: Satchel, path: str) -> None:
    assert "access-control-allow-origin" in cors_fields(satchel.post(path, FORM, {**CXF, "Origin": HOME}))


@pytest.mark.parametrize("origin", NEAR)
@pytest.mark.parametrize("path", PATHS)
def test_85_no_other_reads_an_answer_or_may_ask(satchel: Satchel, path: str, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    assert not cors_fields(satchel.post(path, FORM, {**CXF, "Origin": origin}))
    assert not cors_fields(satchel.post(path, FORM, {"Origin": origin}))
    preflight = satchel.request("OPTIONS", path, headers=asked)
    assert (preflight.status, cors_fields(preflight)) == (405, set())


@pytest.mark.parametrize("second", ["null", HOME, "https://evil.example"])
@pytest.mark.parametrize("path", PATHS)
def test_85_two_origins_are_none(satchel: Satchel, path: str, second: str) -> None:
    for pair in ((HOME, second), (second, HOME)):
        headers = [KIND, *CXF.items(), *(("Origin", origin) for origin in pair)]
        answer = satchel.request("POST", path, FORM, headers)
        assert (answer.status, answer.json()["error"], cors_fields(answer)) == (400, "invalid_request", set())


@pytest.mark.parametrize("value", ["null", "*"])
def test_85_neither_can_be_registered(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match="origins"):
        Satchel(tmp_path, DEMO.replace('id = "123456789"\n', f'id = "123456789"\norigins = ["{value}"]\n'))
