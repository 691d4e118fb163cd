"""client_credentials with a client assertion, beside a bare application that verifies one signature and makes one.

Every assertion is made beforehand and sent to Satchel once; the bare application is sent the same ones.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.bench import cores, servers
from tests.bench.assertions import ROBOT, asserted
from tests.bench.duel import Contestant, by_cost, by_rate, take_turns
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.bench.load import ask, run
from tests.worlds.gunicorn import Running


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield our rate over the bare application's, and so with the processor time of a request, in microseconds."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory()))
        prepared = Running(place / "satchel", ROBOT, workers=1)
        probe, model, *requests = asserted(prepared, 2 + effort.requests * (effort.rounds + 1))
        with cores.on(cores.SERVER):
            ours = stack.enter_context(servers.satchel(prepared, probe))
            bare = stack.enter_context(servers.bare_asgi(place / "bare", "verifying", model, ask(ours.port, model)))
        loads = {
            name: _load(server.port, [each.octets(server.port) for each in requests], effort.requests)
            for name, server in (("satchel", ours), ("bare_asgi", bare))
        }
        with cores.on(cores.LOAD):
            for load in loads.values():
                load()
        turns = take_turns(
            {"satchel": Contestant(ours, loads["satchel"]), "bare_asgi": Contestant(bare, loads["bare_asgi"])},
            effort.rounds,
        )
    yield by_rate("private_key_jwt_vs_bare_asgi", turns["satchel"], turns["bare_asgi"], 0.60)
    yield by_cost("private_key_jwt_cpu_vs_bare_asgi", turns["satchel"], turns["bare_asgi"])


def _load(port: int, requests: list[bytes], count: int) -> Callable[[], float]:
    """Return what sends the next `count` of `requests` and returns the answers a second."""
    rest = iter(requests)

    def load() -> float:
        began = perf_counter()
        return run(port, islice(rest, count)) / (perf_counter() - began)

    return load
