"""`python -m tests.bench [--json FILE] [--quick]`: measure, print a table, write the numbers under flat names.

Linux only (/proc). It exits with 0 once everything is measured, whether or not a target is met, and with 1 where a
server fails or an answer is not 2xx.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import endpoints, first_answer, primitives, rss, sizes
from tests.bench.effort import FULL, QUICK, Effort
from tests.bench.figure import Figure
from tests.bench.load import LoadFailed
from tests.bench.servers import ServerFailed
from tests.bench.table import as_json, as_table

MEASUREMENTS: tuple[Callable[[Effort], Iterator[Figure]], ...] = (
    primitives.measure,
    endpoints.measure,
    rss.measure,
    sizes.measure,
    first_answer.measure,
)


def main() -> int:
    """Carry out every measurement; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    parser.add_argument("--quick", action="store_true", help="tiny counts: does it run, not how fast")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended on the way out
    figures: list[Figure] = []
    for measure in MEASUREMENTS:
        print(f"… {measure.__module__.rpartition('.')[2]}", file=sys.stderr)
        try:
            figures += measure(QUICK if options.quick else FULL)
        except (LoadFailed, ServerFailed) as fault:
            print(f"the benchmark has failed: {fault}", file=sys.stderr)
            return 1
    print(as_table(figures))
    if options.json is not None:
        options.json.write_text(as_json(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
