"""satchel-client getting tokens: a token at hand, many callers over an expiry, an outage, and the router's latency.

The router and a bare ASGI proxy on httpx forward the same requests to the same service, one after the other on one
connection, each in its turn.
"""

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from satchel_client.client_auth import ClientSecretBasic
from satchel_client.errors import TokenUnavailable
from satchel_client.token_source import TokenSource

from tests.bench import cores
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.bench.load import Request
from tests.bench.rounds import burst, interleave
from tests.bench.servers import Server
from tests.client.authority import Authority
from tests.client.sidecar import Sidecar
from tests.worlds.ports import free_port

_CALLERS = 1_000
_LIFE = 600
_PROBE = Request("/", b"", {})
_GUNICORN = {"worker_class": "asgi", "http_parser": "python", "keepalive": 75, "control_socket_disable": True}


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield the time of a hit, the requests and errors that an expiry and an outage cause, and the router's latency."""
    with Authority() as authority:
        auth = ClientSecretBasic("me", "secret")
        endpoint = f"{authority.url}/token"
        yield from _hits(TokenSource(auth, token_endpoint=endpoint), effort)
        yield _expiry(authority, TokenSource(auth, token_endpoint=endpoint, clock=(clock := _Clock())), clock)
        yield _outage(authority, TokenSource(auth, token_endpoint=endpoint, clock=(clock := _Clock())), clock)
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory()))
        yield _latency(place, stack, effort)


def _hits(source: TokenSource, effort: Effort) -> Iterator[Figure]:
    source.token()

    def in_event_loop() -> None:
        try:
            source.atoken().send(None)
        except StopIteration:
            return

    for name, function in (("token_hit", source.token), ("token_hit_in_event_loop", in_event_loop)):
        once = burst(function, effort.burst_seconds)
        yield Figure(name, median(1e6 / once() for _ in range(effort.bursts)), "µs", at_most=2.0)


def _expiry(authority: Authority, source: TokenSource, clock: _Clock) -> Figure:
    source.token()
    before = len(authority.tokens)
    clock.now += _LIFE
    with ThreadPoolExecutor(_CALLERS) as pool:
        list(pool.map(lambda _: source.token(), range(_CALLERS)))
    return Figure("token_requests_of_1000_callers", len(authority.tokens) - before, at_most=1)


def _outage(authority: Authority, source: TokenSource, clock: _Clock) -> Figure:
    """The server is down for 59 seconds from the start of the renewal window; every caller's error counts."""
    source.token()
    working, authority.reply = authority.reply, lambda _: (503, {}, b"")
    clock.now += _LIFE - 60
    errors = 0
    for _ in range(59):
        clock.now += 1
        for _ in range(_CALLERS // 50):
            errors += _fails(source)
        _await_renewal(source)
    authority.reply = working
    for _ in range(3):
        clock.now += 0.3
        errors += _fails(source)
        _await_renewal(source)
    clock.now += 60
    return Figure("errors_over_an_outage_of_59s", errors + _fails(source), at_most=0)


def _fails(source: TokenSource) -> bool:
    try:
        source.token()
    except TokenUnavailable:
        return True
    return False


def _await_renewal(source: TokenSource) -> None:
    while any(slot.flight for slot in source._slots.values()):
        time.sleep(0.001)


def _latency(place: Path, stack: ExitStack, effort: Effort) -> Figure:
    authority = stack.enter_context(Authority())
    with cores.on(cores.SERVER):
        answer = {"BENCH_ANSWER": json.dumps({"headers": [["content-length", "1000"]], "size": 1000})}
        service = stack.enter_context(_gunicorn(place / "service", "tests.bench.bare_asgi:constant", answer))
        target = f"http://127.0.0.1:{service.port}"
        bare = stack.enter_context(_gunicorn(place / "bare", "tests.bench.bare_proxy:app", {"BENCH_TARGET": target}))
        router = stack.enter_context(Sidecar(place, _configuration(authority.url, target), ROUTER_SECRET="s"))
    loads = {"router": _load(router.port, effort.requests // 10), "bare": _load(bare.port, effort.requests // 10)}
    with cores.on(cores.LOAD):
        for load in loads.values():
            load()
        turns = interleave(loads, effort.rounds)
    ratio = median(one / other for one, other in zip(turns["router"], turns["bare"], strict=True))
    return Figure(
        "router_latency_vs_bare_proxy", ratio, "µs", median(turns["router"]), median(turns["bare"]), at_most=1.1
    )


def _configuration(issuer: str, target: str) -> str:
    return f"""
[servers.main]
token_endpoint = "{issuer}/token"
client_id = "me"
secret_env = "ROUTER_SECRET"
[[routes]]
prefix = "/pets"
target = "{target}"
server = "main"
scope = "read"
"""


def _load(port: int, count: int) -> Callable[[], float]:
    """Return what sends `count` requests and returns the median latency, in microseconds."""

    def load() -> float:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            return median(_one(connection) for _ in range(count)) * 1e6
        finally:
            connection.close()

    return load


def _one(connection: http.client.HTTPConnection) -> float:
    began = perf_counter()
    connection.request("GET", "/pets/7", headers={"Accept": "application/json", "X-Request-Id": "1"})
    response = connection.getresponse()
    assert (response.status, len(response.read())) == (200, 1000)
    return perf_counter() - began


def _gunicorn(directory: Path, application: str, environ: dict[str, str]) -> Server:
    directory.mkdir()
    port = free_port()
    settings = {**_GUNICORN, "wsgi_app": application, "bind": [f"127.0.0.1:{port}"]}
    file = directory / "gunicorn_settings.py"
    file.write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))
    return Server(str(file), port, {**os.environ, **environ}, directory / "log", _PROBE)
