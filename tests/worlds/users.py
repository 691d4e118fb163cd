"""The user of the tests, for services whose users are all listed in the configuration."""

from tests.worlds.devices import PASSWORD


def user(id: str) -> str:
    """The table of a user; the name is `user-ID`, so that it takes nobody else's."""
    return f'[[users.known]]\nid = "{id}"\nname = "user-{id}"\npassword = "{PASSWORD}"\n'


ALICE = user("alice")
