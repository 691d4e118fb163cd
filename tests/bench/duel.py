"""Servers that take turns under load, beside each other, and what that makes of them.

The processor time that a worker has for one request is measured along: unlike the rate, it hardly depends on who else
uses the machine, nor on how fast the load comes.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from time import perf_counter
from typing import NamedTuple

from tests.bench import cores
from tests.bench.figure import Figure, versus
from tests.bench.rounds import interleave
from tests.bench.servers import Server

_UNDISTURBED = 0.9  # of a core: a worker that had less was not what bounded the rate


class Contestant(NamedTuple):
    """A server, and what loads it for one round and returns the answers a second."""

    server: Server
    load: Callable[[], float]


class Round(NamedTuple):
    """What one worker did in one round."""

    rate: float
    """Answers a second."""
    share: float
    """Part of a core that it had."""

    @property
    def cost(self) -> float:
        """Processor time of one answer, in microseconds."""
        return self.share / self.rate * 1e6


def take_turns(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, list[Round]]:
    """Return what each has done, in order of the rounds."""
    with cores.on(cores.LOAD):
        return interleave({name: partial(_round, each) for name, each in contestants.items()}, rounds)


def by_rate(name: str, ours: Sequence[Round], theirs: Sequence[Round], at_least: float | None = None) -> Figure:
    """Return how many times their rate ours is, with a note if something else has bounded one of them."""
    one, other = (median(each.share for each in side) for side in (ours, theirs))
    note = f"disturbed: had {one:.0%} and {other:.0%} of a core" if min(one, other) < _UNDISTURBED else ""
    return versus(name, [each.rate for each in ours], [each.rate for each in theirs], at_least)._replace(note=note)


def by_cost(name: str, ours: Sequence[Round], theirs: Sequence[Round], at_least: float | None = None) -> Figure:
    """Return how many times the processor time of our answer theirs takes."""
    costs, others = ([each.cost for each in side] for side in (ours, theirs))
    ratio = median(other / one for one, other in zip(costs, others, strict=True))
    return Figure(name, ratio, "µs", median(costs), median(others), at_least)


def _round(contestant: Contestant) -> Round:
    before, began = contestant.server.processor_seconds(), perf_counter()
    answers = contestant.load()
    return Round(answers, (contestant.server.processor_seconds() - before) / (perf_counter() - began))
