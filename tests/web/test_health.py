"""/healthz, /readyz and /metrics: what an operator is told, and who is told nothing."""

import json
import re
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from service.memory import MemoryUnavailable
from tests.worlds.demo import CXF, DEMO, MACHINES
from tests.worlds.gunicorn import Running
from tests.worlds.satchel import NOW, Satchel

YEARS = 10 * 365 * 86_400


@pytest.fixture
def satchel(make_satchel: Any) -> Satchel:
    made: Satchel = make_satchel(MACHINES.replace('kind = "embedded"', 'kind = "none"'))
    return made


def test_healthz(satchel: Satchel) -> None:
    answer = satchel.get("/healthz")
    assert (answer.status, answer.json()) == (200, {"status": "ok"})


def test_healthz_does_not_ask_whether_it_can_work(satchel: Satchel) -> None:
    satchel.now += YEARS
    assert satchel.get("/healthz").status == 200


def test_readyz(satchel: Satchel) -> None:
    answer = satchel.get("/readyz")
    assert answer.status == 200
    report = answer.json()
    assert (report["status"], report["faults"]) == ("ready", {})
    assert report["memory"]["name"] == "none"


def test_readyz_shows_the_memorys_identity_and_since(make_satchel: Any) -> None:
    memory = make_satchel(DEMO).get("/readyz").json()["memory"]
    assert memory["name"] == "embedded"
    assert memory["identity"]
    assert isinstance(memory["since"], int)


@pytest.mark.parametrize("instant", [0.0, float(NOW + YEARS)])
def test_readyz_without_an_active_key(satchel: Satchel, instant: float) -> None:
    satchel.now = instant
    answer = satchel.get("/readyz")
    assert (answer.status, answer.json()["status"]) == (503, "unready")
    assert set(answer.json()["faults"]) == {"keys"}


def test_readyz_wants_a_key_of_every_algorithm(satchel: Satchel) -> None:
    live = satchel.app.runtime
    live.policy = type(live.policy)(signing_algs=("ES256", "RS256"))
    assert satchel.get("/readyz").json()["faults"] == {"keys": "no active sig key for RS256"}


def test_readyz_with_an_unreadable_ring(satchel: Satchel) -> None:
    satchel.app.runtime.fault = "x.json: is torn"
    answer = satchel.get("/readyz")
    assert (answer.status, answer.json()["faults"]) == (503, {"keys": "the key directory cannot be read; see the log"})
    assert satchel.post("/token", {"grant_type": "client_credentials"}, CXF).status == 200


def test_readyz_without_its_memory(satchel: Satchel, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone() -> None:
        raise MemoryUnavailable("redis://:hunter2@127.0.0.1")

    monkeypatch.setattr(satchel.app.runtime.context.memory, "ready", gone)
    answer = satchel.get("/readyz")
    assert (answer.status, set(answer.json()["faults"])) == (503, {"memory"})
    assert b"hunter2" not in answer.body
    assert satchel.post("/token", {"grant_type": "client_credentials"}, CXF).status == 200


@pytest.mark.parametrize("client", ["127.0.0.1", "127.255.0.1", "::1"])
def test_metrics_for_loopback(satchel: Satchel, client: str) -> None:
    answer = satchel.get("/metrics", client=client)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("client", ["203.0.113.1", "10.0.0.1", "0.0.0.0", "::", "fe80::1", "2001:db8::1"])
def test_metrics_for_nobody_else(satchel: Satchel, client: str) -> None:
    answer = satchel.get("/metrics", client=client)
    assert (answer.status, answer.body) == (404, satchel.get("/nowhere").body)


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_metrics_not_by_way_of_a_proxy_on_this_host(satchel: Satchel, name: str) -> None:
    assert satchel.get("/metrics", {name: "203.0.113.1"}).status == 404
    assert satchel.get("/metrics", {name: "127.0.0.1"}).status == 404


def test_metrics_at_a_path_of_ones_own(make_satchel: Any) -> None:
    satchel = make_satchel(DEMO + '\n[endpoints]\nmetrics = "/internal/metrics"\n')
    assert satchel.get("/internal/metrics").status == 200
    assert satchel.get("/metrics").status == 404


def samples(text: str) -> dict[str, float]:
    """Prometheus text as {name{labels}: value}."""
    pairs = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def test_metrics_count_requests_and_tokens(satchel: Satchel) -> None:
    def now() -> dict[str, float]:
        return samples(satchel.get("/metrics").body.decode())

    before = now()
    for _ in range(3):
        satchel.token()
    satchel.token(resource="https://vault.example.com")
    satchel.post("/token", b"")
    satchel.post("/token", {"grant_type": "x"}, CXF)
    satchel.get("/nowhere")
    after = now()
    grown = {name: after[name] - before.get(name, 0) for name in after if name.startswith("satchel_")}
    assert grown['satchel_requests_total{endpoint="token",outcome="ok"}'] == 4
    assert grown['satchel_requests_total{endpoint="token",outcome="invalid_client"}'] == 1
    assert grown['satchel_requests_total{endpoint="token",outcome="unsupported_grant_type"}'] == 1
    assert grown['satchel_requests_total{endpoint="-",outcome="404"}'] == 1
    assert grown['satchel_request_seconds_count{endpoint="token"}'] == 6
    assert grown['satchel_tokens_issued_total{format="jwt",grant="client_credentials"}'] == 3
    assert grown['satchel_tokens_issued_total{format="bag",grant="client_credentials"}'] == 1


def test_metrics_show_the_age_of_each_key(satchel: Satchel) -> None:
    satchel.now = NOW + 1_000.0
    shown = samples(satchel.get("/metrics").body.decode())
    for key in satchel.store.load().keys:
        labels = f'alg="{key.alg}",kid="{key.kid}"'
        ages = [value for name, value in shown.items() if name.startswith("satchel_key_age") and key.kid in name]
        assert ages == [satchel.now - key.created], labels


def test_nothing_that_a_caller_sends_becomes_a_label(satchel: Satchel) -> None:
    before = set(samples(satchel.get("/metrics").body.decode()))
    for n in range(50):
        satchel.get(f"/c4n4ry{n}")
        satchel.request(f"C4N4RY{n}", "/token")
        satchel.post("/token", {"grant_type": f"c4n4ry{n}"}, CXF)
        satchel.post("/token", {"grant_type": "client_credentials", "scope": f"c4n4ry{n}"}, CXF)
    added = set(samples(satchel.get("/metrics").body.decode())) - before
    assert "c4n4ry" not in str(added).lower()
    assert len(added) < 100


@pytest.mark.slow
def test_metrics_sum_over_all_workers(running: Running) -> None:
    """Tokens are asked for until both workers have issued some; whichever is asked then tells the whole."""

    def issued() -> float:
        text = running.get("/metrics").body.decode()
        return samples(text).get('satchel_tokens_issued_total{format="jwt",grant="client_credentials"}', 0.0)

    before, rounds = issued(), 0
    with ThreadPoolExecutor(8) as pool:
        while len(list((running.state / "metrics").glob("counter_*.db"))) < 2 or rounds == 0:
            assert rounds < 50
            rounds += 1
            list(pool.map(lambda _: running.token(), range(32)))
            time.sleep(0.1)
    deadline = time.monotonic() + 5  # what a worker counts is told once a second
    while issued() < before + 32 * rounds and time.monotonic() < deadline:
        time.sleep(0.05)
    for _ in range(10):
        assert issued() == before + 32 * rounds


@pytest.mark.slow
def test_readyz_of_a_running_server(running: Running) -> None:
    with urllib.request.urlopen(running.url + "/readyz", timeout=10) as answer:
        report = json.load(answer)
    assert report["status"] == "ready"
    assert re.fullmatch(r"\S+", report["memory"]["identity"])
