"""Random octets for ids and content keys. They are read from the kernel in blocks, because a system call costs 8 µs."""

import os
from collections.abc import Iterator

_BLOCK, _MOST = 4096, 64
_chunks: Iterator[bytes] = iter(())


def random_octets(count: int) -> bytes:
    """Return `count` random octets (at most 64), which are returned once only.

    Two threads never get the same octets, because `next` on a list iterator is atomic; a child process drops the block.
    """
    global _chunks
    chunk = next(_chunks, None)
    if chunk is None:
        block = os.urandom(_BLOCK)
        fresh = iter([block[start : start + _MOST] for start in range(0, _BLOCK, _MOST)])
        chunk = next(fresh)
        _chunks = fresh
    return chunk[:count]


def _forget() -> None:
    global _chunks
    _chunks = iter(())


os.register_at_fork(after_in_child=_forget)
