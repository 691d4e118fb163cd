"""One measured number."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple


class Figure(NamedTuple):
    """A number under a flat name; `at_least` and `at_most` are the target, where there is one."""

    name: str
    value: float
    unit: str = ""
    ours: float | None = None
    theirs: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def short(self) -> bool:
        """Whether the target is missed."""
        return (self.at_least is not None and self.value < self.at_least) or (
            self.at_most is not None and self.value > self.at_most
        )


def versus(name: str, ours: Sequence[float], theirs: Sequence[float], at_least: float | None = None) -> Figure:
    """Return how many times their rate ours is: the median of the ratios of each round.

    A disturbance that lasts longer than a round slows both, and leaves the ratio as it is.
    """
    ratio = median(one / other for one, other in zip(ours, theirs, strict=True))
    return Figure(name, ratio, "/s", median(ours), median(theirs), at_least)
