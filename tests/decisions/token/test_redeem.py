"""What is read and spent, in which order; nothing is spent for a request that fails (decisions/token/settle.py)."""

import asyncio
import traceback

import msgspec
import pytest

from service.bags.kinds import AuthorizationCode, RefreshToken
from service.decisions.one_time import spend_all
from service.decisions.token.redeem import FamilyUse
from service.grants.refresh_token import GRACE
from service.protocol.errors import OAuthError
from service.protocol.one_time_id import OneTimeId
from tests.worlds.dpop import Holder
from tests.worlds.http import granted, refused
from tests.worlds.identifiers import VAULT
from tests.worlds.pkce import CHALLENGE
from tests.worlds.refresh_chains import RefreshChains
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import Watched, watched

SKEW = 60
DAY = 86_400


@pytest.fixture
def sessions(tmp_path_factory: pytest.TempPathFactory) -> RefreshChains:
    return RefreshChains(tmp_path_factory.mktemp("spending"))


@pytest.fixture
def memory(sessions: RefreshChains) -> Watched:
    return watched(sessions)


CC = {"grant_type": "client_credentials"}


def test_client_credentials_never_touches_the_memory(sessions: RefreshChains, memory: Watched) -> None:
    granted(sessions.send("/token", "web", CC))
    assert memory.asked == []


def test_a_dpop_proof_costs_one_put(sessions: RefreshChains, memory: Watched) -> None:
    proof = Holder().proof(NOW)
    assert granted(sessions.send("/token", "web", CC, proof))["token_type"] == "DPoP"
    assert memory.verbs == ["put dpop"]
    refused(sessions.send("/token", "web", CC, proof), "invalid_dpop_proof")
    assert sessions.reason == "replayed"


@pytest.mark.parametrize("dpop", [False, True])
def test_a_code_is_read_once_and_spent_last(sessions: RefreshChains, memory: Watched, dpop: bool) -> None:
    code = sessions.code()
    granted(sessions.redeem(code, dpop=Holder().proof(NOW) if dpop else None))
    assert memory.verbs == ["get", *(["put dpop"] if dpop else []), "put code"]


def test_a_refresh_costs_one_read_and_a_put_where_it_rotates(sessions: RefreshChains, memory: Watched) -> None:
    for client, puts in (("web", []), ("spa", ["put refresh"])):
        token = sessions.begin(client)["refresh_token"]
        del memory.asked[:]
        granted(sessions.refresh(token, client))
        assert memory.verbs == ["get", *puts]
        del memory.asked[:]
        granted(sessions.refresh(token, client, Holder().proof(NOW)))
        assert memory.verbs == ["get", "put dpop", *puts]


def test_what_is_read(sessions: RefreshChains, memory: Watched) -> None:
    token = sessions.begin("spa")["refresh_token"]
    bag = sessions.context.snapshot.open(token, (RefreshToken,), NOW)
    del memory.asked[:]
    granted(sessions.refresh(token, "spa"))
    revocations = [f"state:{bag.grant.family}"] * 2 + ["nbf:all", "nbf:client:spa", "nbf:sub:alice"]
    assert memory.asked[0] == ("get", revocations)


def test_the_record_of_a_code_outlives_it(sessions: RefreshChains, memory: Watched) -> None:
    code = sessions.code()
    bag = sessions.context.snapshot.open(code, (AuthorizationCode,), NOW)
    granted(sessions.redeem(code))
    _, (id, _, until, _) = memory.asked[-1]
    assert (id, until) == (f"code:{bag.jti}", bag.exp + SKEW)


def test_the_record_of_a_family_outlives_all_of_it(sessions: RefreshChains, memory: Watched) -> None:
    code = sessions.code("spa")
    sessions.now += 59
    tokens = granted(sessions.redeem(code, "spa"))
    last = sessions.context.snapshot.open(tokens["refresh_token"], (RefreshToken,), sessions.now).until
    refused(sessions.redeem(code, "spa"))
    _, (id, _, until, use) = memory.asked[-1]
    assert id.startswith("state:")
    assert use == "revocation"
    assert until >= last + 600  # an access token of its last second


def test_a_family_has_one_entry(sessions: RefreshChains, memory: Watched) -> None:
    token = sessions.begin("spa")["refresh_token"]
    bag = sessions.context.snapshot.open(token, (RefreshToken,), NOW)
    child = granted(sessions.refresh(token, "spa"))["refresh_token"]
    _, (id, value, until, _) = memory.asked[-1]
    assert (id, until) == (f"state:{bag.grant.family}", bag.until + SKEW)
    assert msgspec.msgpack.decode(value, type=FamilyUse) == FamilyUse(bag.jti, (NOW,))
    sessions.now += 7
    granted(sessions.refresh(child, "spa"))
    _, (same, value, _, _) = memory.asked[-1]
    used = sessions.context.snapshot.open(child, (RefreshToken,), NOW)
    assert same == id
    assert msgspec.msgpack.decode(value, type=FamilyUse) == FamilyUse(used.jti, (NOW + 7, NOW))


# --- nothing is burnt for a request that fails


def test_a_request_that_is_wrong_spends_nothing(sessions: RefreshChains, memory: Watched) -> None:
    holder = Holder()
    code = sessions.code("spa", challenge=CHALLENGE)
    proof = holder.proof(NOW)
    for wrong in ({"code_verifier": None}, {"code_verifier": "x" * 43}, {"redirect_uri": "http://127.0.0.1/"}):
        refused(sessions.redeem(code, "spa", proof, **wrong))
    refused(sessions.redeem(code, "tab", proof))
    token = sessions.begin("spa")["refresh_token"]
    del memory.asked[:]
    refused(sessions.refresh(token, "spa", proof, scope="admin"), "invalid_scope")
    refused(sessions.refresh(token, "tab", proof))
    refused(sessions.refresh(token, "spa", proof, resource="https://unknown.example.com"), "invalid_target")
    refused(sessions.send("/token", "web", {**CC, "scope": "admin"}, proof), "invalid_scope")
    refused(sessions.send("/token", "web", {"grant_type": "unknown"}, proof), "unsupported_grant_type")
    assert memory.asked == []
    granted(sessions.refresh(token, "spa", proof))


def test_what_is_revoked_spends_nothing(sessions: RefreshChains, memory: Watched) -> None:
    tokens = sessions.begin("spa")
    sessions.revoke(tokens["refresh_token"], "spa")
    del memory.asked[:]
    refused(sessions.refresh(tokens["refresh_token"], "spa", Holder().proof(NOW)))
    assert memory.verbs == ["get"]


def test_a_used_proof_does_not_spend_the_code(sessions: RefreshChains, memory: Watched) -> None:
    proof = Holder().proof(NOW)
    granted(sessions.send("/token", "web", CC, proof))
    code = sessions.code()
    refused(sessions.redeem(code, dpop=proof), "invalid_dpop_proof")
    granted(sessions.redeem(code))


# --- a whole request, sent again by somebody who cannot make one


def test_a_repeated_request_with_its_proof_revokes_nothing(sessions: RefreshChains) -> None:
    """Whoever recorded a request has neither the client nor its key: the proof is refused before anything is judged."""
    holder = Holder()
    tokens = sessions.begin("wallet", holder.proof(NOW))
    proof = holder.proof(NOW)
    first = tokens["refresh_token"]
    second = granted(sessions.refresh(first, "wallet", proof))["refresh_token"]
    third = granted(sessions.refresh(second, "wallet", holder.proof(NOW)))["refresh_token"]
    sessions.now += GRACE + 1
    refused(sessions.refresh(first, "wallet", proof), "invalid_dpop_proof")
    granted(sessions.refresh(third, "wallet", holder.proof(sessions.now)))


def test_the_same_with_a_code(sessions: RefreshChains) -> None:
    holder = Holder()
    proof, code = holder.proof(NOW), sessions.code("wallet")
    tokens = granted(sessions.redeem(code, "wallet", proof))
    refused(sessions.redeem(code, "wallet", proof), "invalid_dpop_proof")
    granted(sessions.refresh(tokens["refresh_token"], "wallet", holder.proof(NOW)))


@pytest.mark.parametrize(
    ("pause", "reason"), [(0, "late duplicate"), (GRACE, "late duplicate"), (GRACE + 1, "refresh token reused")]
)
def test_late_duplicate_and_reuse(sessions: RefreshChains, pause: int, reason: str) -> None:
    first = sessions.begin("spa")["refresh_token"]
    second = granted(sessions.refresh(first, "spa"))["refresh_token"]
    third = granted(sessions.refresh(second, "spa"))
    sessions.now += pause
    answer, alive = sessions.refresh(first, "spa"), reason == "late duplicate"
    refused(answer, *(("temporarily_unavailable", 503) if alive else ("invalid_grant", 400)))
    assert answer.headers.get("retry-after") == (str(GRACE - pause + 1) if alive else None)
    assert sessions.reason == reason
    assert sessions.active(third["access_token"]) is alive
    assert (sessions.refresh(third["refresh_token"], "spa").status == 200) is alive


def test_a_forked_chain_ends_with_the_second_branch_to_move(sessions: RefreshChains) -> None:
    first = sessions.begin("spa")["refresh_token"]
    one, two = (granted(sessions.refresh(first, "spa")) for _ in range(2))
    granted(sessions.refresh(one["refresh_token"], "spa", resource=VAULT))
    refused(sessions.refresh(two["refresh_token"], "spa"))
    assert sessions.reason == "refresh chain forked"
    assert [line["reason"] for line in sessions.log if line.get("event") == "family revoked"] == [
        "refresh chain forked"
    ]
    assert not sessions.active(one["access_token"])


def test_a_refusal_that_is_made_once_does_not_grow(sessions: RefreshChains) -> None:
    """Python adds to the traceback of an exception that is raised again."""
    refusal = OAuthError("invalid_client", "no")
    one_time_id = OneTimeId("x", NOW + 60, "assertion", refusal)
    memory = sessions.context.memory

    async def again() -> int:
        with pytest.raises(OAuthError) as caught:
            await spend_all((one_time_id,), memory)
        return len(traceback.extract_tb(caught.value.__traceback__))

    async def act() -> list[int]:
        await spend_all((one_time_id,), memory)
        return [await again() for _ in range(5)]

    assert len(set(asyncio.run(act()))) == 1
