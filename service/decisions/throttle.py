"""Rate limits for guesses of passwords (RFC 6749 section 4.3.2) and user codes (RFC 8628 section 5.1).

Events are counted per name and per address in fixed windows of time. The n-th event of a window is written under an id
that ends in n. `put` writes an id only once, so concurrent events never count as one. A window is full when its last id
has an entry.
"""

import unicodedata
from ipaddress import IPv6Address, ip_address
from typing import Any, NamedTuple

from service.bags.ids import fresh_id
from service.config.front import LoginSettings
from service.decisions.context import Context
from service.memory import Memory, owners
from service.protocol.errors import OAuthError
from service.protocol.ports import User

PAUSE = 30
"""Seconds per attempt while a window is full: one attempt per PAUSE is accepted."""
_PROBES = 16
"""Number of entries read in one round trip when searching for the last event."""


class Limit(NamedTuple):
    """The maximum number of events (`most`) that `who` may have in a window.

    `use` is the memory's class of use, and `owners` are those whose share of the class the events take.
    """

    who: str
    most: int
    use: str
    owners: tuple[str, ...]


class Throttle:
    """The limits for one attempt; `window` and `now` are in seconds.

    Each method raises MemoryUnavailable and MemoryFull.
    """

    def __init__(self, memory: Memory, window: int, now: float, *limits: Limit) -> None:
        self._memory = memory
        self._slot = int(now // window)
        self._until = (self._slot + 1) * window
        self._pause = int(now // PAUSE)
        self._limits = limits
        self._paused = False

    async def may_begin(self) -> bool:
        """Tell whether an attempt may begin: below all limits yes, beyond a limit once per PAUSE."""
        for limit in await self._full():
            self._paused = True
            id, until = f"throttle:{limit.who}:pause:{self._pause}", (self._pause + 1) * PAUSE
            if not await self._put(limit, id, until):
                return False
        return True

    async def may_succeed(self) -> bool:
        """Tell whether an attempt may succeed: not if other attempts have filled a window since this one began."""
        return self._paused or not await self._full()

    async def count(self) -> bool:
        """Count an event; tell whether the attempt was within all limits, or the one accepted per PAUSE."""
        return all([await self._count(limit) for limit in self._limits]) or self._paused

    def _id(self, limit: Limit, n: int) -> str:
        return f"throttle:{limit.who}:{self._slot}:{n}"

    async def _count(self, limit: Limit) -> bool:
        for n in range(await self._events(limit), limit.most):
            if await self._put(limit, self._id(limit, n), self._until):
                return True
        return False

    async def _put(self, limit: Limit, id: str, until: int) -> bool:
        """Tell whether nobody else has put `id`."""
        value = fresh_id().encode("ascii")
        return (await self._memory.put(id, value, until, use=limit.use, owners=limit.owners)).value == value

    async def _events(self, limit: Limit) -> int:
        """Return the number of events in the window. The ids have no gap, so this is a search by division."""
        low, high = 0, limit.most
        while low < high:
            marks = sorted({low + (high - low) * n // _PROBES for n in range(_PROBES)})
            values = await self._memory.get_many([self._id(limit, n) for n in marks])
            taken = sum(value is not None for value in values)
            low = marks[taken - 1] + 1 if taken else low
            high = marks[taken] if taken < len(marks) else high
        return low

    async def _full(self) -> list[Limit]:
        last = await self._memory.get_many([self._id(limit, limit.most - 1) for limit in self._limits])
        return [limit for limit, value in zip(self._limits, last, strict=True) if value is not None]


def client_attempts(memory: Memory, login: LoginSettings, client_id: str, address: str, now: float) -> Throttle:
    """Return the throttle for a client secret that comes from `address` at `now` (seconds since the epoch).

    Failures are counted per address. So an attacker's failures lock out neither the client, which has other addresses,
    nor the users.
    """
    where = network(address)
    by = owners(client=client_id, address=where)
    return Throttle(
        memory,
        login.window,
        now,
        Limit(f"client:{where}:{client_id}", login.failures_per_user, "throttle", by),
        Limit(f"clients:{where}", login.failures_per_address, "throttle", by),
    )


class ThrottledUsers:
    """The `Users` of the context, with a limited rate of guesses."""

    def __init__(self, context: Context, address: str, now: float) -> None:
        self._context = context
        self._address = address
        self._now = now

    async def authenticate(self, username: str, password: str) -> User | None:
        """Return the user, or None for an unknown name or a wrong password.

        Raises:
            OAuthError: slow_down after too many failures.
            MemoryUnavailable, MemoryFull
        """
        # Spellings that a user directory takes for the same name count as one name.
        name = unicodedata.normalize("NFKC", username).casefold().strip()
        login = self._context.registry.config.login
        where = network(self._address)
        by = owners(address=where)
        limits = [Limit(f"user:{name}", login.failures_per_user, "throttle", by)]
        if where:
            limits.append(Limit(f"address:{where}", login.failures_per_address, "throttle", by))
        throttle = Throttle(self._context.memory, login.window, self._now, *limits)
        if not await throttle.may_begin():
            raise _slow_down()
        try:
            user = await self._context.ports.users.authenticate(username, password)
        except OAuthError as error:
            # A hook may refuse a wrong password with an error of its own.
            if error.status < 500 and not await throttle.count():
                raise _slow_down() from None
            raise
        # Many attempts may begin at the same time. Those beyond the limit get slow_down, whether right or wrong.
        if not await (throttle.count() if user is None else throttle.may_succeed()):
            raise _slow_down()
        return user

    async def claims(self, sub: str) -> dict[str, Any] | None:
        """Return the claims of the user whose id is `sub`; None if only a login can tell them."""
        return await self._context.ports.users.claims(sub)

    def may_exist(self, sub: str) -> bool:
        """Return whether there may be a user with the id `sub`."""
        return self._context.ports.users.may_exist(sub)


def throttled(context: Context, address: str, now: float) -> ThrottledUsers:
    """Return the users of `context` for an attempt at `now` (seconds since the epoch).

    Failures are counted by name and by `address`; an empty `address` is not counted.
    """
    return ThrottledUsers(context, address, now)


def network(address: str) -> str:
    """Return what an address is counted as: an IPv4 address as itself, an IPv6 address as its /64 network."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or f"{IPv6Address(int(ip) >> 64 << 64)}/64")


def _slow_down() -> OAuthError:
    return OAuthError("slow_down", f"too many failed attempts; wait {PAUSE} seconds", reason="throttled")
