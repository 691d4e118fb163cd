"""Octets that are given out once (attack 89): across blocks, threads and forks."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.bags.randomness import random_octets


@pytest.mark.parametrize("count", [1, 16, 44, 64])
def test_the_length_is_the_one_asked_for_also_where_a_block_ends(count: int) -> None:
    assert {len(random_octets(count)) for _ in range(500)} == {count}


def test_nothing_is_given_out_twice() -> None:
    assert len({random_octets(16) for _ in range(20_000)}) == 20_000


def test_threads_share_nothing() -> None:
    with ThreadPoolExecutor(8) as pool:
        lots = list(pool.map(lambda _: [random_octets(16) for _ in range(5_000)], range(8)))
    assert len({octets for lot in lots for octets in lot}) == 40_000


def test_a_fork_shares_nothing_with_its_parent() -> None:
    random_octets(1)  # the block is begun
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"".join(random_octets(16) for _ in range(100)))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read, 1600)
    mine = [random_octets(16) for _ in range(100)]
    assert len(theirs) == 1600
    assert not {theirs[n : n + 16] for n in range(0, 1600, 16)}.intersection(mine)
