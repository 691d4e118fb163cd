"""Taking turns: every contestant has one burst a round, so that whatever disturbs the machine disturbs all."""

import gc
from collections.abc import Callable, Mapping
from time import process_time
from typing import TypeVar

T = TypeVar("T")


def interleave(contestants: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Return what each contestant returns, in order of the rounds; each round begins with another contestant."""
    done: dict[str, list[T]] = {name: [] for name in contestants}
    names = list(contestants)
    for turn in range(rounds):
        at = turn % len(names)
        for name in names[at:] + names[:at]:
            done[name].append(contestants[name]())
    return done


def burst(function: Callable[[], object], seconds: float) -> Callable[[], float]:
    """Return a burst of calls of `function` that takes about `seconds` of this process's processor time; it returns
    their rate, per second.

    The rate is by processor time: a neighbour who takes the core for a while does not count.
    """
    count = 1
    while (taken := _time(function, count)) < seconds / 4:
        count *= 2
    count = max(1, round(count * seconds / taken))
    return lambda: count / _time(function, count)


def _time(function: Callable[[], object], count: int) -> float:
    calls = range(count)
    collecting = gc.isenabled()
    gc.disable()  # as timeit does: garbage of one contestant must not be collected at another's expense
    try:
        began = process_time()
        for _ in calls:
            function()
        return process_time() - began
    finally:
        if collecting:
            gc.enable()
