"""/token and /introspect under load, beside bare applications, Authlib and node-oidc-provider, each on the same core.

Satchel writes its request log to a file and counts for /metrics as always.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import repeat
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench import cores, servers
from tests.bench.duel import Contestant, Round, by_cost, by_rate, take_turns
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.bench.load import Request, ask, rate, run
from tests.bench.requests import (
    OIDC_PROVIDER_TOKEN,
    SEALED_TOKEN,
    TOKEN,
    introspection,
    oidc_provider_introspection,
)
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
            node = stack.enter_context(servers.oidc_provider(place / "oidc_provider", "jwt"))
            opaque = stack.enter_context(servers.oidc_provider(place / "oidc_provider", "opaque"))
        other_token = json.loads(ask(opaque.port, OIDC_PROVIDER_TOKEN).body)["access_token"]
        tokens = {
            "satchel": (ours, TOKEN),
            "bare_asgi": (signing, TOKEN),
            "authlib": (authlib, TOKEN),
            "oidc_provider": (node, OIDC_PROVIDER_TOKEN),
        }
        introspections = {
            "satchel": (ours, introspect),
            "bare_asgi": (constant, introspect),
            "oidc_provider": (opaque, oidc_provider_introspection(other_token)),
        }
        turns = _turns(tokens, effort)
        yield from _figures("token", turns, {"bare_asgi": 0.80, "oidc_provider": 3.0})
        yield _against_openssl(turns["satchel"], effort)
        turns = _turns(introspections, effort)
        yield from _figures("introspect", turns, {"bare_asgi": 0.65, "oidc_provider": 2.8})


def _turns(contestants: dict[str, tuple[Server, Request]], effort: Effort) -> dict[str, list[Round]]:
    with cores.on(cores.LOAD):
        for server, request in contestants.values():
            run(server.port, repeat(request.octets(server.port), effort.warm_requests))
    loads = {
        each: Contestant(server, partial(rate, server.port, request, effort.seconds))
        for each, (server, request) in contestants.items()
    }
    return take_turns(loads, effort.rounds)


def _figures(name: str, turns: dict[str, list[Round]], targets: dict[str, float]) -> Iterator[Figure]:
    for theirs in list(turns)[1:]:
        yield by_rate(f"{name}_vs_{theirs}", turns["satchel"], turns[theirs], targets.get(theirs))
    for theirs in list(turns)[1:]:
        yield by_cost(f"{name}_cpu_vs_{theirs}", turns["satchel"], turns[theirs])


def _against_openssl(ours: list[Round], effort: Effort) -> Figure:
    """Return our tokens by processor second as a part of the signatures that `openssl speed` makes in one."""
    command = ["openssl", "speed", "-seconds", str(effort.seconds), "-mr", "ecdsap256"]
    with cores.on(cores.SERVER):
        said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(3)]
    signatures = [float(text.split("+F4:")[1].split(":")[2]) for text in said]
    tokens = 1e6 / median(each.cost for each in ours)
    return Figure("token_vs_openssl_sign", tokens / median(signatures), "/s", tokens, median(signatures), 0.24)
