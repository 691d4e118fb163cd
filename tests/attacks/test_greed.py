"""Attack 103: one family, client or subject that takes all the room there is (service/memory/quota.py)."""

import asyncio
from pathlib import Path

import pytest

from tests.worlds.http import granted, refused
from tests.worlds.refresh_chains import RefreshChains

FEW = "[memory.quotas]\nrefresh = 200\nrevocation = 200\n"
ALL_OF_ALICE = FEW + "[memory.shares]\nsubject = 100\n"


def entries(sessions: RefreshChains) -> int:
    return asyncio.run(sessions.context.memory.ready()).entries


def begun(sessions: RefreshChains, client: str) -> str:
    """A refresh token of a new family."""
    return str(sessions.begin(client)["refresh_token"])


def rotated(sessions: RefreshChains, token: str, client: str) -> str:
    return str(granted(sessions.refresh(token, client))["refresh_token"])


def test_103_a_family_that_is_rotated_without_end_takes_one_place(tmp_path: Path) -> None:
    sessions = RefreshChains(tmp_path, FEW)
    token = rotated(sessions, begun(sessions, "spa"), "spa")
    before = entries(sessions)
    for _ in range(300):
        sessions.now += 1
        token = rotated(sessions, token, "spa")
    assert entries(sessions) <= before
    for _ in range(50):
        rotated(sessions, begun(sessions, "tab"), "tab")


@pytest.mark.parametrize("greedy", ["client", "subject"])
def test_103_whoever_is_at_their_share_stops_nobody_else(tmp_path: Path, greedy: str) -> None:
    sessions = RefreshChains(tmp_path, ALL_OF_ALICE if greedy == "client" else FEW)
    early = begun(sessions, "tab")
    early = rotated(sessions, early, "tab")
    taken = 0
    while (answer := sessions.refresh(token := begun(sessions, "spa"), "spa")).status == 200:
        taken += 1
    assert taken == (100 if greedy == "client" else 99)  # early is alice's, too
    refused(answer, "temporarily_unavailable", 503)
    assert int(answer.headers["retry-after"]) > 0
    # Families that are there go on, and so does everybody else; what is revoked is revoked.
    for _ in range(5):
        early = rotated(sessions, early, "tab")
    if greedy == "client":
        late = rotated(sessions, begun(sessions, "tab"), "tab")
        rotated(sessions, late, "tab")
    assert sessions.revoke(token, "spa").status == 200
    refused(sessions.refresh(token, "spa"))


def test_103_a_client_that_has_filled_its_revocations_cannot_stop_others(tmp_path: Path) -> None:
    sessions = RefreshChains(tmp_path, ALL_OF_ALICE)
    cc = {"grant_type": "client_credentials"}
    taken = 0
    while (answer := sessions.revoke(granted(sessions.send("/token", "web", cc))["access_token"], "web")).status == 200:
        taken += 1
    assert taken == 100
    refused(answer, "temporarily_unavailable", 503)
    token = granted(sessions.send("/token", "other", cc))["access_token"]
    assert sessions.revoke(token, "other").status == 200
    assert not sessions.active(token)
    # A family that has an entry needs no more room to be revoked, by its client or for its reuse.
    first = begun(sessions, "spa")
    second = rotated(sessions, rotated(sessions, first, "spa"), "spa")
    sessions.now += 60
    refused(sessions.refresh(first, "spa"))
    refused(sessions.refresh(second, "spa"))
