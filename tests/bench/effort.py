"""How much is measured."""

from typing import NamedTuple


class Effort(NamedTuple):
    """Counts and durations of one run; odd numbers of rounds have a middle one."""

    bursts: int
    """Rounds of each primitive."""
    burst_seconds: float
    """Processor seconds that a primitive is called for in one round."""
    rounds: int
    """Rounds of each server."""
    warm_requests: int
    """Requests that a server answers before its first round."""
    seconds: int
    """Seconds that a server is under load in one round."""
    requests: int
    """Requests of a round where each is another one."""
    warm_tokens: int
    """Tokens before a worker's memory is first read."""
    tokens: int
    """Tokens until it is read again."""
    starts: int
    """Times that Satchel is started."""
    live: int
    """Entries that a memory holds when its puts are timed."""
    puts: int
    """Puts that are timed."""
    short_lived: int
    """Puts that expire soon."""
    rotations: int
    """Times that one refresh token is rotated."""
    heats: int
    """Single-use ids that are raced for."""
    rivals: int
    """Requests that race for each."""


FULL = Effort(
    bursts=25,
    burst_seconds=0.02,
    rounds=7,
    warm_requests=5_000,
    seconds=2,
    warm_tokens=20_000,
    tokens=200_000,
    starts=3,
    requests=3_000,
    live=1_000_000,
    puts=100_000,
    short_lived=5_000_000,
    rotations=1_000_000,
    heats=1_000,
    rivals=100,
)
QUICK = Effort(
    bursts=3,
    burst_seconds=0.002,
    rounds=1,
    warm_requests=200,
    seconds=1,
    warm_tokens=500,
    tokens=1_000,
    starts=1,
    requests=500,
    live=20_000,
    puts=2_000,
    short_lived=300_000,
    rotations=2_000,
    heats=20,
    rivals=20,
)
