"""Checking without input or output: a generator yields what it needs done, and is sent the outcome.

`carry_out` and `acarry_out` are the shells, for threads and for event loops.
"""

import inspect
from collections.abc import Awaitable, Generator
from typing import Any, NamedTuple, Protocol, TypeVar

from satchel_client.flights import AsyncFlights, Flight, Flights


class UseOnce(NamedTuple):
    """Something to be seen only once, until an instant; `now` is when. Seconds since the epoch."""

    id: bytes
    until: float
    now: float


class Replays(Protocol):
    """Remembers what has been seen."""

    def spend(self, id: bytes, until: float, now: float) -> bool | None:
        """Whether `id` (32 bytes) is seen for the first time, to be remembered until `until`; None if that cannot be
        found out. Seconds since the epoch."""


class AsyncReplays(Protocol):
    """The same for an event loop."""

    def spend(self, id: bytes, until: float, now: float) -> bool | Awaitable[bool | None] | None: ...


T = TypeVar("T")
Steps = Generator[Flight | UseOnce, Any, T]


def carry_out(steps: Steps[T], flights: Flights, replays: Replays) -> T:
    """Do what `steps` needs; return its result, or raise what it raises."""
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
    """Do what `steps` needs; return its result, or raise what it raises."""
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
