"""What a worker keeps of the tokens that it has issued, which ought to be nothing."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import cores, servers
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.bench.load import LoadFailed, run
from tests.bench.requests import TOKEN
from tests.bench.servers import Server, ServerFailed
from tests.worlds.gunicorn import Running

LIVES = (0, 1000, 100, 10)
"""Requests after which the connections are replaced, by turns; 0: never."""


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield resident memory after `tokens` more over that after `warm_tokens`."""
    with ExitStack() as stack:
        place = stack.enter_context(TemporaryDirectory())
        with cores.on(cores.SERVER):
            server = stack.enter_context(servers.satchel(Running(Path(place), workers=1), TOKEN))
        stack.enter_context(cores.on(cores.LOAD))
        worker = server.worker
        _issue(server, effort.warm_tokens)
        before = server.resident_kib()
        _issue(server, effort.tokens)
        after = server.resident_kib()
        if server.worker != worker:
            raise ServerFailed("the worker has been replaced")
    yield Figure("rss_growth_ratio", after / before, "KiB", after, before, at_most=1.02)


def _issue(server: Server, tokens: int) -> None:
    if run(server.port, repeat(TOKEN.octets(server.port), tokens), LIVES) != tokens:
        raise LoadFailed(f"not {tokens} answers")
