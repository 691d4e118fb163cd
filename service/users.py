"""Who knows the people: the configuration's own list, or a hook of the operator's."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from service.config import Config, KnownUser
from service.hooks.guard import Hook
from service.protocol.passwords import check_phc, verify
from service.protocol.ports import User, Users


def user_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for each user whose password cannot be checked."""
    for n, user in enumerate(config.users.known):
        try:
            check_phc(user.password)
        except ValueError as fault:
            yield f"users.known[{n}].password", str(fault)


def open_users(config: Config, hook: Hook | None) -> Users:
    """Return the users that `hook` knows, or else those of `config`."""
    if hook is not None:
        return HookUsers(hook)
    return ListedUsers(config.users.known, others=bool(config.login.url) or config.api.enabled)


class ListedUsers:
    """Users with an Argon2id hash of their password."""

    def __init__(self, users: Iterable[KnownUser], others: bool = False) -> None:
        """`others`: somebody else logs in people who are not among `users`, and tells of them then."""
        self._users = {user.name or user.id: user for user in users}
        self._others = others
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
        """Return what the configuration says of a person; of anybody else nothing, or None where their login has."""
        return self._claims.get(sub, None if self._others else {})


class HookUsers:
    """Users that a hook knows: (username, password) -> User or None."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook

    async def authenticate(self, username: str, password: str) -> User | None:
        """Return the user, or None.

        Raises:
            OAuthError: the hook's own, or server_error where it fails.
        """
        user: User | None = await self._hook(username, password)
        if user is None:
            return None
        try:
            return msgspec.json.decode(msgspec.json.encode(user), type=User)
        except Exception:
            raise self._hook.failed("a user that tokens cannot speak of") from None

    async def claims(self, sub: str) -> dict[str, Any] | None:
        """Return None: the hook tells of people when they log in."""
        return None
