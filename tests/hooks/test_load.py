"""hooks.object: found, made, and every fault of it named when the configuration is checked."""

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.config import ConfigError
from service.hooks import HookError
from service.protocol.ports import User
from tests.worlds.demo import DEMO
from tests.worlds.operator_object import MODULE, own
from tests.worlds.satchel import Satchel

CLASS = """
[[clients]]
id = "legacy"
auth_methods = ["none"]
grants = ["password"]
"""
NO_USERS = DEMO.partition("[[users.known]]")[0]


class Plain:
    """An object as an operator would write it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def authenticate_user(self, username: str, password: str) -> User | None:
        self.asked.append(username)
        return User("u-1", claims={"email": "a@acme.example"}) if password == "right" else None


class NeedsArguments(Plain):
    def __init__(self, url: str) -> None:
        super().__init__()


class CannotBeMade(Plain):
    def __init__(self) -> None:
        raise ValueError("hush")


def publish(monkeypatch: pytest.MonkeyPatch, **names: Any) -> None:
    module = types.ModuleType(MODULE)
    vars(module).update(names)
    monkeypatch.setitem(sys.modules, MODULE, module)


def log_in(satchel: Satchel, password: str = "right") -> Any:
    form = {"grant_type": "password", "client_id": "legacy", "username": "alice", "password": password}
    return satchel.post("/token", form).json()


@pytest.mark.parametrize("as_class", [True, False])
def test_a_class_and_an_object(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, as_class: bool) -> None:
    publish(monkeypatch, hooks=Plain if as_class else Plain())
    satchel = Satchel(tmp_path, f'{NO_USERS}{CLASS}[hooks]\nobject = "{MODULE}:hooks"\n')
    assert "access_token" in log_in(satchel)
    assert log_in(satchel, "wrong")["error"] == "invalid_grant"


def test_a_class_is_called_once_and_not_by_the_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[int] = []

    class Counted(Plain):
        def __init__(self) -> None:
            super().__init__()
            made.append(1)

    publish(monkeypatch, hooks=Counted)
    satchel = Satchel(tmp_path, f'{NO_USERS}{CLASS}[hooks]\nobject = "{MODULE}:hooks"\n')
    log_in(satchel)
    log_in(satchel)
    assert made == [1]


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        (NeedsArguments, "cannot be called without arguments"),
        (object(), "has none of the methods authenticate_user, customize_access_token, .*on_refused"),
        (types.SimpleNamespace(decide=7), "has decide, but it is not a method"),
        (types.SimpleNamespace(decide=print), "is empty, so hooks.object.decide is never called"),
    ],
)
def test_a_fault_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, target: Any, problem: str) -> None:
    publish(monkeypatch, hooks=target)
    with pytest.raises(ConfigError, match=problem):
        Satchel(tmp_path, f'{DEMO}[hooks]\nobject = "{MODULE}:hooks"\n')


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("operators_object", "must be written as package.module:name"),
        ("tests.grants.nowhere:hooks", "No module named"),
        ("tests.worlds.operator_object:nothing", "has no attribute 'nothing'"),
        ("tests.grants.raising:hooks", "cannot be imported: RuntimeError"),
    ],
)
def test_a_path_that_leads_nowhere(make_satchel: Callable[[str], Satchel], path: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=rf"hooks\.object: '{path}': .*{problem}"):
        make_satchel(f'{DEMO}[hooks]\nobject = "{path}"\n')


def test_one_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    publish(monkeypatch, hooks=CannotBeMade)
    with pytest.raises(HookError, match=r"^is a class that raises ValueError when it is called$"):
        Satchel(tmp_path, f'{NO_USERS}{CLASS}[hooks]\nobject = "{MODULE}:hooks"\n')


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ('decides = ["password"]', r"hooks\.decides: needs a hooks\.object with the method decide"),
        ('decides = ["x"]', r"hooks\.decides\[0\]: 'x' is not a built-in grant"),
        ("timeout = 0", r"hooks\.timeout"),
        ("threads = 0", r"hooks\.threads"),
        ("queue = -1", r"hooks\.queue"),
        ("events = 0", r"hooks\.events"),
    ],
)
def test_settings_are_checked(make_satchel: Callable[[str], Satchel], settings: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        make_satchel(f"{DEMO}[hooks]\n{settings}\n")


def test_one_source_of_users(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"hooks\.object: authenticate_user excludes users"):
        own(tmp_path, authenticate_user=lambda username, password: None)


@pytest.mark.parametrize("grant", ["password", "urn:ietf:params:oauth:grant-type:device_code"])
def test_somebody_must_know_the_people(tmp_path: Path, grant: str) -> None:
    toml = NO_USERS + CLASS.replace("password", grant)
    with pytest.raises(ConfigError, match=f"nobody can log in for {grant}: hooks.object has no authenticate_user"):
        own(tmp_path, toml=toml, on_issued=print)


@pytest.mark.parametrize("user", [User(7), User("u-1", claims={"hush": object()}), User("u-1", amr=("pwd", 7))])  # type: ignore[arg-type]
def test_a_user_that_is_none(tmp_path: Path, user: User) -> None:
    satchel = own(tmp_path, toml=NO_USERS + CLASS, authenticate_user=lambda username, password: user)
    assert log_in(satchel)["error"] == "server_error"
    assert [line["fault"] for line in satchel.log if "fault" in line] == [
        "the hook returned a user that cannot be written as JSON"
    ]
    assert b"hush" not in b"".join(satchel.lines)


def test_nothing_configured_is_nothing_called(satchel: Satchel) -> None:
    ports = satchel.context.ports
    assert (ports.authenticate_client, ports.customize, ports.audit) == (None, None, None)
    assert create_app(satchel.config, store=satchel.store).runtime.context.ports.customize is None
