"""refresh_token beside client_credentials: one worker with the embedded memory, asked by turns.

A public client's refresh tokens rotate, which takes one read and one put. The client of client_credentials refreshes
too: a confidential one, whose tokens need not rotate, which takes one read. Every connection follows a chain of its
own: the next request carries the refresh token of the last answer. What is compared is the processor time of the
worker, since a load that reads its answers may not keep a worker busy.
"""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from urllib.parse import urlencode

from service.decisions.context import Context
from service.decisions.token.code import mint_code
from tests.bench import cores, servers
from tests.bench.duel import Contestant, by_cost, take_turns
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.bench.load import CONNECTIONS, Answer, LoadFailed, Request, Talk, ask, run, talk
from tests.bench.requests import TOKEN
from tests.worlds.demo import CXF
from tests.worlds.gunicorn import Running, context_of
from tests.worlds.pkce import CHALLENGE, VERIFIER

_FRESH = re.compile(rb'"refresh_token":"([^"]+)"')


class Client:
    """A client of the demo, and how it shows who it is."""

    def __init__(self, id: str, headers: dict[str, str]) -> None:
        self.id = id
        self._headers = headers
        self._known: dict[int, bytes] = {}

    def request(self, **form: str) -> Request:
        """Return a token request."""
        named = form if self._headers else {"client_id": self.id, **form}
        return Request("/token", urlencode(named).encode(), self._headers)

    def refresh(self, port: int, token: bytes) -> bytes:
        """Return the request for `token` as it is sent: a load that lags behind its worker would measure itself."""
        until_token = self._known.get(len(token))
        if until_token is None:
            sample = self.request(grant_type="refresh_token", refresh_token="x" * len(token)).octets(port)
            self._known[len(token)] = until_token = sample[: -len(token)]
        return until_token + token


PUBLIC, CONFIDENTIAL = Client("spa", {}), Client("123456789", CXF)


class Chain:
    """The refresh tokens of one session of a client, each used once; `length` at a time."""

    def __init__(self, context: Context, port: int, client: Client, length: int) -> None:
        self._port = port
        self._client = client
        self._length = length
        self._sent = 0
        code = mint_code(context, time.time(), client_id=client.id, sub="alice", scopes=("read",), challenge=CHALLENGE)
        self._last = ask(port, client.request(grant_type="authorization_code", code=code, code_verifier=VERIFIER))

    def __call__(self, answer: Answer | None) -> bytes | None:
        """Return the request that follows `answer`, or None after `length` of them."""
        if answer is None:
            self._sent = 0
        else:
            self._last = answer
        if self._sent == self._length:
            return None
        self._sent += 1
        found = _FRESH.search(self._last.body)
        if found is None:
            raise LoadFailed("an answer has no refresh token")
        return self._client.refresh(self._port, found[1])


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield the processor time of client_credentials over that of a refresh, both in microseconds."""
    with ExitStack() as stack:
        prepared = Running(Path(stack.enter_context(TemporaryDirectory())), workers=1)
        with cores.on(cores.SERVER):
            server = stack.enter_context(servers.satchel(prepared, TOKEN))
        context, port = context_of(prepared), server.port

        def client_credentials() -> float:
            began = perf_counter()
            return run(port, repeat(TOKEN.octets(port), effort.requests)) / (perf_counter() - began)

        loads = {"client_credentials": client_credentials}
        for client in (CONFIDENTIAL, PUBLIC):
            chains = [Chain(context, port, client, effort.requests // CONNECTIONS) for _ in range(CONNECTIONS)]
            loads[client.id] = partial(_rate, port, chains)
        with cores.on(cores.LOAD):
            for load in loads.values():
                load()
        turns = take_turns({name: Contestant(server, load) for name, load in loads.items()}, effort.rounds)
    theirs = turns["client_credentials"]
    yield by_cost("refresh_vs_client_credentials", turns[PUBLIC.id], theirs, 0.60)
    yield by_cost("unrotated_refresh_vs_client_credentials", turns[CONFIDENTIAL.id], theirs)


def _rate(port: int, chains: Sequence[Talk]) -> float:
    began = perf_counter()
    return talk(port, chains) / (perf_counter() - began)
