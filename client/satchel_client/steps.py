"""Steps: generators that yield what they need (a fetch, a one-time id) and receive the result, without doing I/O.

`carry_out` and `acarry_out` are the shells, for threads and for event loops.
"""

import inspect
from collections.abc import Awaitable, Generator
from typing import Any, NamedTuple, Protocol, TypeVar

from satchel_client.flights import AsyncFlights, Flight, Flights


class UseOnce(NamedTuple):
    """An id that must be new, and is stored until `until`. Times are in seconds since the epoch."""

    id: bytes
    until: float
    now: float


class Replays(Protocol):
    """A store of one-time ids."""

    def spend(self, id: bytes, until: float, now: float) -> bool | None:
        """Whether `id` (32 bytes) is seen for the first time, to be remembered until `until`; None if that cannot be
        found out. Seconds since the epoch."""


class AsyncReplays(Protocol):
    """A store of one-time ids for an event loop."""

    def spend(self, id: bytes, until: float, now: float) -> bool | Awaitable[bool | None] | None: ...


T = TypeVar("T")
Steps = Generator[Flight | UseOnce, Any, T]


def carry_out(steps: Steps[T], flights: Flights, replays: Replays) -> T:
    """Run `steps`; return its result or raise its exception."""
    outcome: Any = None
    try:
        while True:
            step = steps.send(outcome)
            outcome = None
            if isinstance(step, UseOnce):
                outcome = replays.spend(*step)
            elif step.wait:
                outcome = flights.join(step)
            else:
                flights.launch(step)
    except StopIteration as end:
        result: T = end.value
        return result


async def acarry_out(steps: Steps[T], flights: AsyncFlights, replays: AsyncReplays) -> T:
    """Run `steps`; return its result or raise its exception."""
    outcome: Any = None
    try:
        while True:
            step = steps.send(outcome)
            outcome = None
            if isinstance(step, UseOnce):
                spent = replays.spend(*step)
                outcome = await spent if inspect.isawaitable(spent) else spent
            elif step.wait:
                outcome = await flights.join(step)
            else:
                flights.launch(step)
    except StopIteration as end:
        result: T = end.value
        return result
