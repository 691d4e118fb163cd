"""The users who log in with a password: listed in the configuration, or known to the operator's hook."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from service.config import Config, KnownUser
from service.hooks.guard import Hook
from service.protocol.passwords import check_phc, verify
from service.protocol.ports import User, Users


def user_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for each user whose password hash cannot be used."""
    for n, user in enumerate(config.users.known):
        try:
            check_phc(user.password)
        except ValueError as fault:
            yield f"users.known[{n}].password", str(fault)


def open_users(config: Config, hook: Hook | None) -> Users:
    """Return the users of `hook`; without a hook, those of `config`."""
    if hook is not None:
        return HookUsers(hook)
    others = bool(config.login.url) or config.api.enabled
    complete = not (others or _further_users(config))
    return ListedUsers(config.users.known, others, complete, config.users.ignore_case)


def _further_users(config: Config) -> bool:
    """Return whether the operator's code or a trusted issuer can name users that are not in the configuration."""
    hooks = config.hooks
    return bool(hooks.decides or hooks.grants) or any(issuer.subjects == "ours" for issuer in config.issuers)


class ListedUsers:
    """The users of the configuration, with an Argon2id hash of their password."""

    def __init__(
        self, users: Iterable[KnownUser], others: bool = False, complete: bool = False, ignore_case: bool = False
    ) -> None:
        """`others`: a login application or the decision API logs in people who are not in `users`.

        `complete`: there are no other users. `ignore_case`: user names match without regard to case.
        """
        self._ignore_case = ignore_case
        self._users = {self._spelling(user.name or user.id): user for user in users}
        self._others, self._complete = others, complete
        self._claims = {user.id: user.claims for user in self._users.values()}
        # Checked when the user name is unknown, so that timing does not tell.
        self._decoy = next((user.password for user in self._users.values()), "")

    async def authenticate(self, username: str, password: str) -> User | None:
        """Return the user, or None. Unknown names and wrong passwords take the same time."""
        user = self._users.get(self._spelling(username))
        phc = self._decoy if user is None else user.password
        right = bool(phc) and await verify(phc, password)
        return User(user.id) if user is not None and right else None

    def _spelling(self, username: str) -> str:
        """Return `username` as it is compared: phones add a space, and keyboards a capital letter."""
        return username.strip().casefold() if self._ignore_case else username.strip()

    async def claims(self, sub: str) -> dict[str, Any] | None:
        """Return the claims of the user whose id is `sub`.

        For anybody else: None with `others` (the claims come with the login), no claims without.
        """
        return self._claims.get(sub, None if self._others else {})

    def may_exist(self, sub: str) -> bool:
        """Return whether there may be a user with the id `sub`."""
        return not self._complete or sub in self._claims


class HookUsers:
    """The users of a hook: (username, password) -> User or None."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook

    async def authenticate(self, username: str, password: str) -> User | None:
        """Return the user, or None.

        Raises:
            OAuthError: raised by the hook, or server_error if the hook fails.
        """
        user: User | None = await self._hook(username, password)
        if user is None:
            return None
        try:
            return msgspec.json.decode(msgspec.json.encode(user), type=User)
        except Exception:
            raise self._hook.failed("the hook returned a user that cannot be written as JSON") from None

    async def claims(self, sub: str) -> dict[str, Any] | None:
        """Return None: the claims come with the login."""
        return None

    def may_exist(self, sub: str) -> bool:
        """Return True: only the hook knows its users."""
        return True
