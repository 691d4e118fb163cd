"""Attacks 39 and 64 in numbers: single-use ids, each raced for by many requests at once over four workers.

A third of the ids are authorization codes, a third those of client assertions, a third those of DPoP proofs. One
request of each race must win, and all others be refused (4xx).
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlencode

from service.decisions.token.code import mint_code
from tests.bench import servers
from tests.bench.assertions import ROBOT, asserted
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.bench.load import Request, race
from tests.bench.requests import TOKEN
from tests.bench.servers import ServerFailed
from tests.worlds import programs
from tests.worlds.demo import CXF
from tests.worlds.dpop import Holder
from tests.worlds.gunicorn import Running, context_of
from tests.worlds.redis_servers import redis_server

WORKERS = 4
_TOGETHER = 10  # ids raced for over the same connections: others come to other workers


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield how many of the ids had exactly one winner, over all of them."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory()))
        tallies = {"embedded": _races(Running(place / "embedded", ROBOT, WORKERS), effort)}
        if programs.find("redis-server"):
            url = stack.enter_context(redis_server(place / "server")).url
            settings = f'kind = "redis"\nurl = "{url}"\ntimeout_ms = 2000'
            toml = ROBOT.replace('kind = "embedded"', settings)
            tallies["redis"] = _races(Running(place / "redis", toml, WORKERS), effort)
    notes = [
        f"{memory}: {tally.won:,} of {effort.heats:,}, idlest worker had {tally.idlest:.0%}"
        for memory, tally in tallies.items()
    ]
    notes += [] if programs.find("redis-server") else ["no redis-server"]
    share = sum(tally.won for tally in tallies.values()) / (effort.heats * len(tallies))
    yield Figure("races_one_winner", share, at_least=1, note="; ".join(notes))


class _Tally(NamedTuple):
    won: int
    """Ids with exactly one winner."""
    idlest: float
    """Part that the worker with the least to do had of all processor time."""


def _races(running: Running, effort: Effort) -> _Tally:
    with servers.satchel(running, TOKEN) as server:
        server.await_workers(WORKERS)
        before, won = server.each_processor_seconds(), 0
        ids = islice(_single_use(running), effort.heats)
        while heats := [request.octets(server.port) for request in islice(ids, _TOGETHER)]:
            won += sum(map(one_winner, race(server.port, heats, effort.rivals)))
        after = server.each_processor_seconds()
    if before.keys() != after.keys():
        raise ServerFailed("a worker has been replaced")
    spent = [after[pid] - before[pid] for pid in before]
    return _Tally(won, min(spent) / sum(spent))


def _single_use(running: Running) -> Iterator[Request]:
    """Yield codes, assertions and proofs by turns, each fresh."""
    context, holder = context_of(running), Holder()
    while True:
        code = mint_code(context, time.time(), client_id="123456789", sub="alice", scopes=("read",))
        yield Request("/token", urlencode({"grant_type": "authorization_code", "code": code}).encode(), CXF)
        yield from asserted(running, 1)
        yield TOKEN._replace(headers={**CXF, "DPoP": holder.proof(time.time(), running.url + "/token")})


def one_winner(statuses: list[int]) -> bool:
    """Tell whether one was served, and all others were refused as they should be."""
    return statuses.count(200) == 1 and all(status // 100 in (2, 4) for status in statuses)
