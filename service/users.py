"""Who knows the people: the configuration's own list, or a hook of the operator's."""

from collections.abc import Iterable, Iterator
from typing import Any

from service.config import Config, KnownUser
from service.hooks import guarded
from service.protocol.passwords import check_phc, verify
from service.protocol.ports import User, Users


def user_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for each user whose password cannot be checked."""
    for n, user in enumerate(config.users.known):
        try:
            check_phc(user.password)
        except ValueError as fault:
            yield f"users.known[{n}].password", str(fault)


def open_users(config: Config) -> Users:
    """Return the users of `config`.

    Raises:
        HookError: the hook cannot be had.
    """
    path = config.hooks.authenticate_user
    return HookUsers(path) if path else ListedUsers(config.users.known)


class ListedUsers:
    """Users with an Argon2id hash of their password."""

    def __init__(self, users: Iterable[KnownUser]) -> None:
        self._users = {user.name or user.id: user for user in users}
        self._claims = {user.id: user.claims for user in self._users.values()}
        # What is checked for a name that nobody has, so that it takes the time of one that somebody has.
        self._decoy = next((user.password for user in self._users.values()), "")

    async def authenticate(self, username: str, password: str) -> User | None:
        """Return the user, or None; unknown names and wrong passwords take the same time."""
        user = self._users.get(username)
        phc = self._decoy if user is None else user.password
        right = bool(phc) and await verify(phc, password)
        return User(user.id) if user is not None and right else None

    async def claims(self, sub: str) -> dict[str, Any] | None:
        """Return what the configuration says of a person; nothing of one who is no longer in it."""
        return self._claims.get(sub, {})


class HookUsers:
    """Users that a hook knows: async (username, password) -> User or None."""

    def __init__(self, path: str) -> None:
        self._hook = guarded(path, User, type(None))

    async def authenticate(self, username: str, password: str) -> User | None:
        """Return the user, or None.

        Raises:
            OAuthError: the hook's own, or server_error where it fails.
        """
        user: User | None = await self._hook(username, password)
        return user

    async def claims(self, sub: str) -> dict[str, Any] | None:
        """Return None: the hook tells of people when they log in."""
        return None
