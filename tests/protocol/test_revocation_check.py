"""What calls a token back (RFC 7009), and what does not."""

import pytest

from service.memory import REVOKED, Entry
from service.protocol.revocation_check import (
    NOT_BEFORE_ALL,
    RevocationCheck,
    all_ids,
    not_before_client,
    not_before_subject,
    state_id,
)

IAT = 1_800_000_000
TOKEN = RevocationCheck("jti", "family", "web", "alice", IAT)


def stands(entries: dict[str, int], token: RevocationCheck = TOKEN) -> bool:
    return token.stands([Entry(entries[id], b"") if id in entries else None for id in token.ids])


def test_nothing_on_record() -> None:
    assert stands({})


@pytest.mark.parametrize("id", [state_id("jti"), state_id("family")])
def test_revoked_by_itself_or_with_its_family(id: str) -> None:
    assert not stands({id: REVOKED})


@pytest.mark.parametrize(
    "id", [state_id("other"), state_id("web"), not_before_client("alice"), not_before_subject("web")]
)
def test_what_concerns_another(id: str) -> None:
    assert stands({id: IAT + 100})


@pytest.mark.parametrize("id", [NOT_BEFORE_ALL, not_before_client("web"), not_before_subject("alice")])
@pytest.mark.parametrize(("instant", "good"), [(IAT - 1, True), (IAT, False), (IAT + 1, False)])
def test_a_not_before_voids_what_was_issued_until_then(id: str, instant: int, good: bool) -> None:
    assert stands({id: instant}) is good


@pytest.mark.parametrize("generation", [0, 1, IAT + 100])
def test_a_family_that_rotates_stands(generation: int) -> None:
    assert stands({state_id("family"): generation})


def test_the_latest_of_several_counts() -> None:
    assert not stands({NOT_BEFORE_ALL: IAT - 9, not_before_client("web"): IAT + 9})


def test_a_token_without_a_family_is_its_own() -> None:
    alone = RevocationCheck("jti", "", "web", "web", IAT)
    assert stands({state_id(""): REVOKED}, alone)
    assert not stands({state_id("jti"): REVOKED}, alone)


def test_ids_of_different_things_never_meet() -> None:
    same = RevocationCheck("x", "x", "x", "x", IAT)
    assert set(same.ids) == {"state:x", "nbf:all", "nbf:client:x", "nbf:sub:x"}
    assert not_before_client("a:sub:b") != not_before_subject("b")
    assert not_before_client("all") != NOT_BEFORE_ALL


def test_one_round_trip_for_several() -> None:
    other = RevocationCheck("j2", "f2", "spa", "bob", IAT)
    assert all_ids([TOKEN, other]) == [*TOKEN.ids, *other.ids]
