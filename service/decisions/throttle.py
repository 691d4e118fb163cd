"""Slowing down whoever guesses: passwords (RFC 6749 section 4.3.2), user codes (RFC 8628 section 5.1).

Events are counted by name and by address in windows of time: the n-th event of a window is the entry of that number,
so the memory's one verb counts without a race, and the last number tells that the window is full.
"""

import unicodedata
from ipaddress import IPv6Address, ip_address
from typing import Any, NamedTuple

from service.bags.ids import fresh_id
from service.config.front import LoginSettings
from service.decisions.context import Context
from service.memory import Memory
from service.protocol.errors import OAuthError
from service.protocol.ports import User

PAUSE = 30
"""Seconds in which one more attempt is heard, once a window is full."""
_PROBES = 16
"""Entries that are read at once in the search for the last event."""


class Limit(NamedTuple):
    """How many events `who` may have in a window, and the memory's class of use for them."""

    who: str
    most: int
    use: str


class Throttle:
    """Limits that one attempt is under; `window` and `now` are in seconds. Each verb raises what the memory raises."""

    def __init__(self, memory: Memory, window: int, now: float, *limits: Limit) -> None:
        self._memory = memory
        self._slot = int(now // window)
        self._until = (self._slot + 1) * window
        self._pause = int(now // PAUSE)
        self._limits = limits
        self._paused = False

    async def may_begin(self) -> bool:
        """Tell whether an attempt may begin: always below the limits, once a PAUSE beyond one."""
        for limit in await self._full():
            self._paused, mine = True, fresh_id().encode("ascii")
            id, until = f"throttle:{limit.who}:pause:{self._pause}", (self._pause + 1) * PAUSE
            if await self._memory.put(id, mine, until, use=limit.use) != mine:
                return False
        return True

    async def may_succeed(self) -> bool:
        """Tell whether an attempt may succeed: not if so many failed beside it that it would not have begun now."""
        return self._paused or not await self._full()

    async def count(self) -> bool:
        """Count an event; tell whether there was room for it, or a pause in which it was heard."""
        return all([await self._count(limit) for limit in self._limits]) or self._paused

    def _id(self, limit: Limit, n: int) -> str:
        return f"throttle:{limit.who}:{self._slot}:{n}"

    async def _count(self, limit: Limit) -> bool:
        mine = fresh_id().encode("ascii")
        for n in range(await self._events(limit), limit.most):
            if await self._memory.put(self._id(limit, n), mine, self._until, use=limit.use) == mine:
                return True
        return False

    async def _events(self, limit: Limit) -> int:
        """Return how many events the window has. Its entries have no gap, so each round trip divides what is left."""
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
    """Return the throttle of secrets for a client from `address`, at `now` (seconds).

    A program comes from few addresses: so nobody else's failures keep it out, nor do they keep people out.
    """
    where = network(address)
    return Throttle(
        memory,
        login.window,
        now,
        Limit(f"client:{where}:{client_id}", login.failures_per_user, "throttle"),
        Limit(f"clients:{where}", login.failures_per_address, "throttle"),
    )


class ThrottledUsers:
    """The people of the context, whose passwords cannot be guessed fast (a `Users`)."""

    def __init__(self, context: Context, address: str, now: float) -> None:
        self._context = context
        self._address = address
        self._now = now

    async def authenticate(self, username: str, password: str) -> User | None:
        """Return the user, or None.

        Raises:
            OAuthError: slow_down, where too many have failed.
            MemoryUnavailable, MemoryFull
        """
        # The names that a directory takes for one must count as one.
        name = unicodedata.normalize("NFKC", username).casefold().strip()
        login = self._context.registry.config.login
        limits = [Limit(f"user:{name}", login.failures_per_user, "throttle")]
        if self._address:
            limits.append(Limit(f"address:{network(self._address)}", login.failures_per_address, "throttle"))
        throttle = Throttle(self._context.memory, login.window, self._now, *limits)
        if not await throttle.may_begin():
            raise _slow_down()
        try:
            user = await self._context.ports.users.authenticate(username, password)
        except OAuthError as error:
            # A hook's own words for a wrong password.
            if error.status < 500 and not await throttle.count():
                raise _slow_down() from None
            raise
        # Of a crowd that was let in together, those beyond the limit are told the same, right or wrong.
        if not await (throttle.count() if user is None else throttle.may_succeed()):
            raise _slow_down()
        return user

    async def claims(self, sub: str) -> dict[str, Any] | None:
        """Return what is known of the person whose id is `sub`."""
        return await self._context.ports.users.claims(sub)


def throttled(context: Context, address: str, now: float) -> ThrottledUsers:
    """Return the users of `context` for an attempt from `address` at `now` (seconds); empty: by name alone."""
    return ThrottledUsers(context, address, now)


def network(address: str) -> str:
    """Return who an address counts as: an IPv4 address itself, of IPv6 the /64, which one household has."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or f"{IPv6Address(int(ip) >> 64 << 64)}/64")


def _slow_down() -> OAuthError:
    return OAuthError("slow_down", f"too many attempts: wait for {PAUSE} seconds", reason="throttled")
