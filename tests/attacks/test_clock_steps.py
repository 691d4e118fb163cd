"""Attacks 95 and 105: the clock of a node or of the store is ahead for a while; what was used or revoked stays so."""

import asyncio
import re
import time
from pathlib import Path

import pytest

from service.memory import MemoryUnavailable
from tests.worlds.http import Answer, granted
from tests.worlds.refresh_chains import RS, RefreshChains
from tests.worlds.satchel import NOW

STEPS = {"a minute": 60, "an hour": 3600, "a day": 86_400}
TURN = 30  # seconds of simulated time from one turn to the next
TURNS = 120


class Traffic:
    """What people and thieves send to `service` for an hour; `step` (s) is how far its clock is ahead now."""

    def __init__(self, service: RefreshChains) -> None:
        self.service = service
        self.used: list[str] = []
        self.rotated: list[str] = []
        self.revoked: list[str] = []
        self.refused = 0

    def again(self, send: str, *arguments: str) -> Answer:
        """Send a request as a client that heeds 503 does, a few times."""
        for _ in range(3):
            answer: Answer = getattr(self.service, send)(*arguments)
            if answer.status != 503:
                break
            self.refused += 1
            self.service.now += 1
            time.sleep(0.06)
        return answer

    def turn(self) -> None:
        """One use, one revocation, and every replay that there can be."""
        answer = self.again("redeem", self.service.code("web"), "web")
        if answer.status == 200:
            tokens = granted(answer)
            if self.again("revoke", tokens["refresh_token"], "web").status == 200:
                self.revoked += [tokens["access_token"]]
        code = self.service.code("web")
        if self.again("redeem", code, "web").status == 200:
            self.used.append(code)
        self.thieves()

    def thieves(self) -> None:
        for code in self.used[-8:]:
            assert self.service.redeem(code, "web").status != 200, "a used code is good again"
        for token in self.revoked[-8:]:
            answer = self.service.introspect(token, RS)
            assert answer.status != 200 or not answer.json()["active"], "a revoked token is active again"


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_105_an_hour_of_traffic_on_a_host_whose_clock_steps(tmp_path: Path, step: str) -> None:
    service = RefreshChains(tmp_path)
    traffic, ahead = Traffic(service), 0
    granted(service.redeem(service.code("web"), "web"))
    for turn in range(TURNS):
        service.now += TURN
        if turn % 10 == 4:
            ahead = STEPS[step]
            service.now += ahead
        elif turn % 10 == 6:
            service.now -= ahead
            ahead = 0
        try:
            traffic.turn()
        except MemoryUnavailable:
            time.sleep(0.06)
    assert len(traffic.used) > TURNS / 2
    assert len(traffic.revoked) > TURNS / 2
    asyncio.run(service.context.memory.close())


def test_105_a_step_is_told_by_readyz_and_metrics(tmp_path: Path) -> None:
    service = RefreshChains(tmp_path)
    granted(service.redeem(service.code("web"), "web"))
    service.now += 3600
    for _ in range(100):  # the sweep comes by
        granted(service.redeem(service.code("web"), "web"))
    service.now -= 3600
    assert service.get("/readyz").status == 503
    service.now += 1
    told = service.get("/readyz").json()["memory"]
    assert (told["since"], told["proofs_refused_until"]) == (NOW + 1, NOW + 420)
    shown = service.get("/metrics").body.decode()
    assert "satchel_memory_up 1.0" in shown
    (until,) = re.findall(r"^satchel_memory_proofs_refused_until_timestamp_seconds (.+)$", shown, re.MULTILINE)
    assert float(until) == NOW + 420
    service.now += 420
    assert "proofs_refused_until" not in service.get("/readyz").json()["memory"]


def test_105_a_memory_that_was_begun_too_early_is_of_use_at_once(tmp_path: Path) -> None:
    """Two hours ahead at the first start: nothing waits for two hours after the clock was corrected."""
    service = RefreshChains(tmp_path)
    service.now += 7200
    granted(service.redeem(service.code("web"), "web"))
    service.now -= 7200
    answer = service.send("/token", "web", {"grant_type": "client_credentials"})
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    service.now += 1
    granted(service.redeem(service.code("web"), "web"))
