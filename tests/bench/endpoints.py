"""/token and /introspect under load, beside bare applications and beside Authlib; one worker each, one core for all.

Satchel writes its request log to a file and counts for /metrics as always.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import cores, servers
from tests.bench.duel import Contestant, by_cost, by_rate, take_turns
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.bench.load import Request, ask, rate, run
from tests.bench.requests import SEALED_TOKEN, TOKEN, introspection
from tests.bench.servers import Server, ServerFailed
from tests.worlds.gunicorn import Running


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield our rates against theirs, and the processor time of a request, in microseconds."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory()))
        with cores.on(cores.SERVER):
            ours = stack.enter_context(servers.satchel(Running(place / "satchel", workers=1), TOKEN))
            introspect = introspection(json.loads(ask(ours.port, SEALED_TOKEN).body)["access_token"])
            active = ask(ours.port, introspect)
            if not json.loads(active.body)["active"]:
                raise ServerFailed("the token is not active")
            model = ask(ours.port, TOKEN)
            signing = stack.enter_context(servers.bare_asgi(place / "signing", "signing", TOKEN, model))
            constant = stack.enter_context(servers.bare_asgi(place / "constant", "constant", introspect, active))
            authlib = stack.enter_context(servers.authlib(place / "authlib", TOKEN))
        token = {"satchel": ours, "bare_asgi": signing, "authlib": authlib}
        yield from _duel("token", TOKEN, token, {"bare_asgi": 0.80}, effort)
        yield from _duel(
            "introspect", introspect, {"satchel": ours, "bare_asgi": constant}, {"bare_asgi": 0.65}, effort
        )


def _duel(
    name: str, request: Request, contestants: dict[str, Server], targets: dict[str, float], effort: Effort
) -> Iterator[Figure]:
    with cores.on(cores.LOAD):
        for server in contestants.values():
            run(server.port, repeat(request.octets(server.port), effort.warm_requests))
    loads = {
        each: Contestant(server, partial(rate, server.port, request, effort.seconds))
        for each, server in contestants.items()
    }
    turns = take_turns(loads, effort.rounds)
    for theirs in list(contestants)[1:]:
        yield by_rate(f"{name}_vs_{theirs}", turns["satchel"], turns[theirs], targets.get(theirs))
    for theirs in list(contestants)[1:]:
        yield by_cost(f"{name}_cpu_vs_{theirs}", turns["satchel"], turns[theirs])
