"""One core for the server, another for the load, where the machine has two and lets us choose."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
LOAD, SERVER = (_CORES[0], _CORES[-1]) if len(_CORES) > 1 else (None, None)


@contextmanager
def on(core: int | None) -> Iterator[None]:
    """Stay on `core` meanwhile, with all processes that are started meanwhile; None: stay anywhere."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
