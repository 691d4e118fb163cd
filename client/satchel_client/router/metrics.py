"""The counters of the router, as text for Prometheus. Each worker counts separately, under its process id."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping

from satchel_client.token_source import TokenSource


class Metrics:
    """The counts since the process started."""

    def __init__(self, sources: Mapping[str, TokenSource]) -> None:
        self._sources = sources
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: Counter[str] = Counter()

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request. `seconds` is the time until the response headers. A status of 0 means no response."""
        self._requests[route, status] += 1
        self._seconds[route] += seconds  # type: ignore[assignment]  # a Counter counts anything that adds

    def text(self) -> bytes:
        """Return all counters as text."""
        return "".join(f"{line}\n" for line in self._lines()).encode()

    def _lines(self) -> Iterator[str]:
        process = f'process="{os.getpid()}"'
        yield "# TYPE satchel_router_requests_total counter"
        for (route, status), count in sorted(self._requests.items()):
            yield f'satchel_router_requests_total{{route="{route}",status="{status}",{process}}} {count}'
        yield "# TYPE satchel_router_seconds_total counter"
        for route, seconds in sorted(self._seconds.items()):
            yield f'satchel_router_seconds_total{{route="{route}",{process}}} {seconds:.6f}'
        yield "# TYPE satchel_router_token_renewals_total counter"
        for server, source in self._sources.items():
            for outcome, count in (("token", source.renewals), ("failure", source.failures)):
                labels = f'server="{server}",outcome="{outcome}",{process}'
                yield f"satchel_router_token_renewals_total{{{labels}}} {count}"
        yield "# TYPE satchel_router_tokens gauge"
        for server, source in self._sources.items():
            yield f'satchel_router_tokens{{server="{server}",{process}}} {source.kept}'
