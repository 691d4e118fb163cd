"""The user of the tests, for services whose users are all listed in the configuration."""

from typing import Any

from tests.worlds import toml


def known(id: str) -> dict[str, Any]:
    """A user; the name is `user-ID`, so that it takes nobody else's."""
    return toml.user(id, name=f"user-{id}")


def user(id: str) -> str:
    """The table of a user."""
    return toml.tables("users.known", known(id))


ALICE = user("alice")
