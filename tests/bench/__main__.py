"""`python -m tests.bench [--json FILE] [--quick] [--long] [NAME…]`: measure, print a table, write the numbers.

Linux only (/proc). It exits with 0 once everything is measured, whether or not a target is met, and with 1 where a
server fails or an answer is not 2xx.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from tests.bench import (
    authorize,
    client_tokens,
    client_verifier,
    endpoints,
    first_answer,
    memory_disk,
    memory_greed,
    memory_load,
    primitives,
    private_key_jwt,
    races,
    refresh,
    rss,
    sizes,
)
from tests.bench.effort import FULL, QUICK, Effort
from tests.bench.figure import Figure
from tests.bench.load import LoadFailed
from tests.bench.servers import ServerFailed
from tests.bench.table import as_json, as_table

MEASUREMENTS: tuple[Callable[[Effort], Iterator[Figure]], ...] = (
    primitives.measure,
    endpoints.measure,
    private_key_jwt.measure,
    refresh.measure,
    authorize.measure,
    memory_load.measure,
    races.measure,
    rss.measure,
    sizes.measure,
    first_answer.measure,
    client_tokens.measure,
    client_verifier.measure,
)
LONG = (memory_disk.measure, memory_greed.measure)


def main() -> int:
    """Carry out every measurement; return the exit code."""
    known = {_name(measure): measure for measure in (*MEASUREMENTS, *LONG)}
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too, under flat names")
    parser.add_argument("--quick", action="store_true", help="tiny counts: does it run, not how fast")
    parser.add_argument("--long", action="store_true", help=f"also {', '.join(map(_name, LONG))}: some minutes more")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these of {', '.join(known)}")
    options = parser.parse_args()
    if unknown := set(options.names) - known.keys():
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}")
    chosen = options.names or map(_name, MEASUREMENTS + (LONG if options.long else ()))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))  # memories tell of their birth
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended on the way out
    figures: list[Figure] = []
    for name in chosen:
        print(f"… {name}", file=sys.stderr)
        try:
            figures += known[name](QUICK if options.quick else FULL)
        except (LoadFailed, ServerFailed) as fault:
            print(f"the benchmark has failed: {fault}", file=sys.stderr)
            return 1
    print(as_table(figures))
    if options.json is not None:
        options.json.write_text(as_json(figures))
    return 0


def _name(measure: Callable[[Effort], Iterator[Figure]]) -> str:
    return measure.__module__.rpartition(".")[2]


if __name__ == "__main__":
    sys.exit(main())
