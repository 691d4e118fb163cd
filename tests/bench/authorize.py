"""/authorize of a person who has a session and has consented, beside /token: one worker, asked by turns."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from tests.bench import cores, servers
from tests.bench.duel import Contestant, by_cost, by_rate, take_turns
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.bench.load import Request, rate, run
from tests.bench.requests import TOKEN
from tests.worlds.gunicorn import Running
from tests.worlds.person import Person

ASKED = {
    "client_id": "123456789",
    "response_type": "code",
    "redirect_uri": "http://localhost:8080/services/reservations/reserve/complete",
    "scope": "openid read",
    "state": "af0ifjsldkj",
    "nonce": "n-0S6_WzA2Mj",
    "code_challenge": "E9Melhoa2OwvFrEMTJGuCHaoeK1t8URWbXKMs9p1FM8",
    "code_challenge_method": "S256",
}


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield the rate of /authorize over that of /token, and the processor time of both in microseconds."""
    with ExitStack() as stack:
        prepared = Running(Path(stack.enter_context(TemporaryDirectory())), workers=1)
        with cores.on(cores.SERVER):
            server = stack.enter_context(servers.satchel(prepared, TOKEN))
        authorize = Request("/authorize", urlencode(ASKED).encode(), {"Cookie": _session(prepared)})
        requests = {"authorize": authorize, "token": TOKEN}
        with cores.on(cores.LOAD):
            for request in requests.values():
                run(server.port, repeat(request.octets(server.port), effort.warm_requests))
        turns = take_turns(
            {
                name: Contestant(server, partial(rate, server.port, request, effort.seconds))
                for name, request in requests.items()
            },
            effort.rounds,
        )
    yield by_rate("authorize_vs_token", turns["authorize"], turns["token"], 0.40)
    yield by_cost("authorize_cpu_vs_token", turns["authorize"], turns["token"])


def _session(prepared: Running) -> str:
    """Return the cookies of a person who has logged in and consented."""
    with Person(prepared.url) as alice:
        url = alice.authorize(f"{prepared.url}/authorize?{urlencode(ASKED)}")
        if "code=" not in url:
            raise servers.ServerFailed(f"no code: {url}")
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in alice.client.cookies.jar)
