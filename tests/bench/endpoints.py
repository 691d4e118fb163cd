"""/token and /introspect under load, beside bare applications and beside Authlib; one worker each, one core for all.

All servers are up together and take turns of `seconds`; Satchel writes its request log to a file and counts for
/metrics as always. The processor time that a worker has for one request is measured along: unlike the rate, it hardly
depends on who else uses the machine.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import repeat
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench import cores, servers
from tests.bench.effort import Effort
from tests.bench.figure import Figure, versus
from tests.bench.load import Answer, Request, ask, rate, run
from tests.bench.requests import SEALED_TOKEN, TOKEN, introspection
from tests.bench.rounds import interleave
from tests.bench.servers import Server, ServerFailed

_UNDISTURBED = 0.9  # of a core: a worker that had less was not what bounded the rate


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield our rates against theirs, and the processor time of a request, in microseconds."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory()))
        with cores.on(cores.SERVER):
            ours = stack.enter_context(servers.satchel(place / "satchel", TOKEN))
            introspect = introspection(json.loads(ask(ours.port, SEALED_TOKEN).body)["access_token"])
            token_answer, active = ask(ours.port, TOKEN), ask(ours.port, introspect)
            if not json.loads(active.body)["active"]:
                raise ServerFailed("the token is not active")
            signing = servers.bare_asgi(place / "signing", "signing", TOKEN, token_answer)
            constant = servers.bare_asgi(place / "constant", "constant", introspect, active)
            for server, model in ((signing, token_answer), (constant, active)):
                _same_shape(stack.enter_context(server).answer, model)
            authlib = stack.enter_context(servers.authlib(place / "authlib", TOKEN))
        token = {"satchel": ours, "bare_asgi": signing, "authlib": authlib}
        yield from _duel("token", TOKEN, token, {"bare_asgi": 0.80}, effort)
        yield from _duel(
            "introspect", introspect, {"satchel": ours, "bare_asgi": constant}, {"bare_asgi": 0.65}, effort
        )


def _duel(
    name: str, request: Request, contestants: dict[str, Server], targets: dict[str, float], effort: Effort
) -> Iterator[Figure]:
    costs: dict[str, list[float]] = {each: [] for each in contestants}
    shares: dict[str, list[float]] = {each: [] for each in contestants}

    def burst(each: str) -> float:
        server = contestants[each]
        before = server.processor_seconds()
        answers = rate(server.port, request, effort.seconds)
        had = server.processor_seconds() - before
        costs[each].append(had / (answers * effort.seconds) * 1e6)
        shares[each].append(had / effort.seconds)
        return answers

    with cores.on(cores.LOAD):
        for server in contestants.values():
            run(server.port, request, repeat(None, effort.warm_requests))
        rates = interleave({each: partial(burst, each) for each in contestants}, effort.rounds)
    others = list(contestants)[1:]
    for theirs in others:
        one, other = median(shares["satchel"]), median(shares[theirs])
        note = f"disturbed: had {one:.0%} and {other:.0%} of a core" if min(one, other) < _UNDISTURBED else ""
        yield versus(f"{name}_vs_{theirs}", rates, theirs, targets.get(theirs))._replace(note=note)
    for theirs in others:
        ours_us, theirs_us = median(costs["satchel"]), median(costs[theirs])
        yield Figure(f"{name}_cpu_vs_{theirs}", theirs_us / ours_us, "µs", ours_us, theirs_us)


def _same_shape(answer: Answer | None, model: Answer) -> None:
    names = [] if answer is None else sorted(name for name, _ in answer.headers)
    if answer is None or len(answer.body) != len(model.body) or names != sorted(name for name, _ in model.headers):
        raise ServerFailed("the bare application's answer is not shaped like ours")
