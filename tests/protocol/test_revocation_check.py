"""What calls a token back (RFC 7009), and what does not."""

import pytest

from service.protocol.revocation_check import (
    NOT_BEFORE_ALL,
    RevocationCheck,
    all_ids,
    not_before_client,
    not_before_subject,
    revoked,
)

IAT = 1_800_000_000
TOKEN = RevocationCheck("jti", "family", "web", "alice", IAT)


def stands(entries: dict[str, bytes], token: RevocationCheck = TOKEN) -> bool:
    return token.stands([entries.get(id) for id in token.ids])


def test_nothing_on_record() -> None:
    assert stands({})


@pytest.mark.parametrize("id", [revoked("jti"), revoked("family")])
def test_revoked_by_itself_or_with_its_family(id: str) -> None:
    assert not stands({id: b"1"})


@pytest.mark.parametrize(
    "id", [revoked("other"), revoked("web"), not_before_client("alice"), not_before_subject("web")]
)
def test_what_concerns_another(id: str) -> None:
    assert stands({id: b"%d" % (IAT + 100)})


@pytest.mark.parametrize("id", [NOT_BEFORE_ALL, not_before_client("web"), not_before_subject("alice")])
@pytest.mark.parametrize(("instant", "good"), [(IAT - 1, True), (IAT, False), (IAT + 1, False)])
def test_a_not_before_voids_what_was_issued_until_then(id: str, instant: int, good: bool) -> None:
    assert stands({id: b"%d" % instant}) is good


def test_the_latest_of_several_counts() -> None:
    assert not stands({NOT_BEFORE_ALL: b"%d" % (IAT - 9), not_before_client("web"): b"%d" % (IAT + 9)})


def test_a_token_without_a_family_is_its_own() -> None:
    alone = RevocationCheck("jti", "", "web", "web", IAT)
    assert stands({revoked(""): b"1"}, alone)
    assert not stands({revoked("jti"): b"1"}, alone)


def test_ids_of_different_things_never_meet() -> None:
    same = RevocationCheck("x", "x", "x", "x", IAT)
    assert set(same.ids) == {"revoked:x", "nbf:all", "nbf:client:x", "nbf:sub:x"}
    assert not_before_client("a:sub:b") != not_before_subject("b")
    assert not_before_client("all") != NOT_BEFORE_ALL


def test_one_round_trip_for_several() -> None:
    other = RevocationCheck("j2", "f2", "spa", "bob", IAT)
    assert all_ids([TOKEN, other]) == [*TOKEN.ids, *other.ids]
