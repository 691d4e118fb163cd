"""The `[memory]` table."""

from __future__ import annotations

import msgspec
import pytest

from service.memory import MemorySettings, open_memory


def read(toml: str) -> MemorySettings:
    return msgspec.toml.decode(toml, type=MemorySettings)


def test_the_default_is_embedded_and_sound() -> None:
    assert read("").problems() == []
    assert open_memory(read('path = "memory.db"')).name == "embedded"
    with pytest.raises(ValueError, match="path"):
        open_memory(read(""))


def test_what_anybody_can_write_to_has_quotas_of_its_own() -> None:
    assert read("").every_quota == dict.fromkeys(("device", "par", "login", "throttle"), 1_000_000)
    assert read("quotas = { par = 5, code = 7 }").every_quota == {
        **dict.fromkeys(("device", "login", "throttle"), 1_000_000),
        "par": 5,
        "code": 7,
    }
    assert set(read("max_entries = 1000").every_quota.values()) == {1000}


@pytest.mark.parametrize("kind", ["embedded", "redis", "none"])
def test_one_line_changes_the_memory(kind: str) -> None:
    settings = read(f'kind = "{kind}"\npath = "memory.db"\naccept_identity = ["0011223344556677"]')
    assert settings.problems() == []
    assert open_memory(settings).name == kind
    assert settings.accept_identity == ("0011223344556677",)


@pytest.mark.parametrize("toml", ['kind = "memcached"', 'pathh = "x"', "busy_ms = 1.5", 'quotas = { par = "many" }'])
def test_unknown_or_mistyped_fields_are_refused(toml: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(toml)


@pytest.mark.parametrize(
    ("toml", "path"),
    [
        ("busy_ms = 0", "busy_ms"),
        ("timeout_ms = 60000", "timeout_ms"),
        ("max_entries = 0", "max_entries"),
        ("quotas = { par = 0 }", "quotas.par"),
        ('accept_identity = [""]', "accept_identity"),
        ('kind = "redis"\nurl = "http://localhost"', "url"),
        ('kind = "redis"\nurl = "redis+sentinel://localhost:26379"', "url"),
        ('kind = "redis"\nurl = "redis:///0"', "url"),
        ('kind = "redis"\nurl = "unix://"', "url"),
        ('kind = "redis"\nurl = "redis://[::1"', "url"),
    ],
)
def test_each_fault_is_told_with_its_path(toml: str, path: str) -> None:
    assert [where for where, _ in read(toml).problems()] == [path]


@pytest.mark.parametrize(
    ("toml", "place"),
    [
        (
            'kind = "redis"\nurl = "rediss://user:hunter2@redis.example:6380/2?password=hunter2"',
            "rediss://redis.example:6380/2",
        ),
        ('kind = "redis"\nurl = "unix:///run/redis.sock"', "unix:///run/redis.sock"),
        ('path = "/var/lib/satchel/memory.sqlite"', "/var/lib/satchel/memory.sqlite"),
        ('kind = "none"', ""),
    ],
)
def test_its_place_is_told_without_the_account(toml: str, place: str) -> None:
    assert read(toml).place == place


def test_a_password_is_in_no_repr() -> None:
    settings = read('kind = "redis"\nurl = "redis://user:hunter2@localhost:6379/0"')
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(open_memory(settings))
