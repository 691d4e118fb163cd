"""Ids of what others name: no choice of names makes one id out of two (attack 60)."""

from hypothesis import given
from hypothesis import strategies as st

from service.protocol.one_time_id import replay_id

PARTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=3)
TRICKY = st.lists(st.text(st.sampled_from('a:,"[]\\|\x00 é'), max_size=8), max_size=3)


@given(PARTS | TRICKY, PARTS | TRICKY)
def test_two_lists_of_parts_have_two_ids(one: list[str], two: list[str]) -> None:
    assert (replay_id("dpop", *one) == replay_id("dpop", *two)) is (one == two)


@given(TRICKY)
def test_uses_do_not_meet(parts: list[str]) -> None:
    assert replay_id("dpop", *parts) != replay_id("assertion", *parts)


def test_a_separator_moved_from_one_part_to_the_other() -> None:
    for separator in ':,|"\n\x00 .;':
        assert replay_id("x", f"a{separator}b", "c") != replay_id("x", "a", f"b{separator}c")
