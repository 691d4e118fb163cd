"""How long a restart is felt: gunicorn's start to the first token, with as many workers as `make run` has."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench import servers
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.bench.requests import TOKEN
from tests.worlds.gunicorn import Running


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield the median of `starts` starts, in seconds."""
    seconds = []
    for _ in range(effort.starts):
        with TemporaryDirectory() as place, servers.satchel(Running(Path(place), workers=0), TOKEN) as server:
            seconds.append(server.first_answer)
    yield Figure("first_answer_s", median(seconds), at_most=2)
