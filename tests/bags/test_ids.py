"""Fresh ids: never twice, and those for single use in the order in which they come."""

import re
from itertools import pairwise

from service.bags import ids
from service.bags.ids import fresh_id, single_use_id


def test_an_id_is_22_base64url_characters_and_never_comes_twice() -> None:
    for make in (fresh_id, single_use_id):
        made = [make() for _ in range(10_000)]
        assert len(set(made)) == 10_000
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", id) for id in made)


def test_sixteen_siblings_begin_alike() -> None:
    made = [single_use_id() for _ in range(9_000)]
    starts = [id[:4] for id in made]
    changes = sum(one != other for one, other in pairwise(starts))
    assert 9_000 / 16 - 1 <= changes <= 9_000 / 16 + 1
    # The rest of each is its own.
    assert len({id[4:] for id in made}) == 9_000


def test_another_neighbourhood_begins_in_time() -> None:
    assert len({single_use_id()[:2] for _ in range(5 * 4096)}) > 2
    assert ids._born >= 5 * 4096
