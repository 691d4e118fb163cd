"""refresh_token with rotation beside client_credentials: one worker with the embedded memory, asked by turns.

Every connection follows a chain of its own: the next request carries the refresh token of the last answer. What is
compared is the processor time of the worker, since a load that reads its answers may not keep a worker busy.
"""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from urllib.parse import urlencode

from service.decisions.code import mint_code
from tests.bench import cores, servers
from tests.bench.duel import Contestant, by_cost, take_turns
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.bench.load import CONNECTIONS, Answer, Request, ask, run, talk
from tests.bench.requests import TOKEN
from tests.satchel import Running
from tests.sessions import CHALLENGE, VERIFIER, desk_of


class Chain:
    """The refresh tokens of one session of the demo's public client, each used once; `length` at a time."""

    def __init__(self, port: int, code: str, length: int) -> None:
        self._port = port
        self._length = length
        self._sent = 0
        self._last = ask(port, _request(grant_type="authorization_code", code=code, code_verifier=VERIFIER))

    def __call__(self, answer: Answer | None) -> bytes | None:
        """Return the request that follows `answer`, or None after `length` of them."""
        if answer is None:
            self._sent = 0
        else:
            self._last = answer
        if self._sent == self._length:
            return None
        self._sent += 1
        token = json.loads(self._last.body)["refresh_token"]
        return _request(grant_type="refresh_token", refresh_token=token).octets(self._port)


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield the processor time of client_credentials over that of a refresh, both in microseconds."""
    with ExitStack() as stack:
        prepared = Running(Path(stack.enter_context(TemporaryDirectory())), workers=1)
        with cores.on(cores.SERVER):
            server = stack.enter_context(servers.satchel(prepared, TOKEN))
        desk, port = desk_of(prepared), server.port
        codes = [
            mint_code(desk, time.time(), client_id="spa", sub="alice", scopes=("read",), challenge=CHALLENGE)
            for _ in range(CONNECTIONS)
        ]
        chains = [Chain(port, code, effort.requests // CONNECTIONS) for code in codes]

        def refresh() -> float:
            began = perf_counter()
            return talk(port, chains) / (perf_counter() - began)

        def client_credentials() -> float:
            began = perf_counter()
            return run(port, repeat(TOKEN.octets(port), effort.requests)) / (perf_counter() - began)

        with cores.on(cores.LOAD):
            refresh(), client_credentials()
        turns = take_turns(
            {"refresh": Contestant(server, refresh), "client_credentials": Contestant(server, client_credentials)},
            effort.rounds,
        )
    yield by_cost("refresh_vs_client_credentials", turns["refresh"], turns["client_credentials"], 0.60)


def _request(**form: str) -> Request:
    return Request("/token", urlencode({"client_id": "spa", **form}).encode(), {})
