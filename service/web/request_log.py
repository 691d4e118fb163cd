"""The request log: one JSON line per request, and counts for Prometheus. Neither contains a secret.

A line has the name of the endpoint instead of path and query, and ids instead of tokens.

Requests are counted in plain integers. `flush` adds these to the Prometheus metrics, once a second and at each scrape,
because an increment in the multi-process mode of prometheus-client costs a twentieth of a request.
"""

import asyncio
import contextlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from prometheus_client import Counter, Histogram

from service.bags.ids import fresh_id
from service.decisions.decision import Decision

_BOUNDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10)
_REQUESTS = Counter("satchel_requests", "Requests by endpoint and outcome", ["endpoint", "outcome"])
_SECONDS = Histogram(
    "satchel_request_seconds",
    "Seconds from the end of the request to its response",
    ["endpoint"],
    buckets=_BOUNDS,
)
_TOKENS = Counter("satchel_tokens_issued", "Access tokens issued, by format and grant", ["format", "grant"])
_FLUSH_SECONDS = 1.0


class Line(msgspec.Struct, omit_defaults=True):
    """The log line of a request. `time` is in seconds since the epoch, `ms` is the duration in milliseconds."""

    time: float
    id: str
    remote: str
    method: str
    endpoint: str = "-"
    status: int = 0
    ms: float = 0.0
    client_id: str = ""
    auth_method: str = ""
    grant_type: str = ""
    format: str = ""
    jti: str = ""
    error: str = ""
    reason: str = ""

    def take(self, decision: Decision) -> None:
        """Copy the facts of `decision` into the line."""
        self.client_id = decision.client_id
        self.auth_method = decision.auth_method
        self.grant_type = decision.grant_type
        self.format = decision.token_format
        self.jti = decision.jti
        self.reason = decision.note
        self.error = decision.failure
        if decision.error is not None:
            self.error = decision.error.code
            self.reason = decision.error.reason


class AuditLine(Line):
    """A log line with the audit facts of issued tokens: the members of TokenIssued (service/hooks/events.py)."""

    subject: str = ""
    audiences: Sequence[str] = ()
    scopes: Sequence[str] = ()
    expires: int = 0
    refresh_jti: str = ""
    has_id_token: bool = False
    username: str = ""

    def take(self, decision: Decision) -> None:
        """Copy the facts of `decision` into the line."""
        Line.take(self, decision)
        if decision.username:
            self.username, self.subject = decision.username, decision.subject
        issued = decision.issued
        if issued is not None:
            plan, answer, token, refresh = issued
            self.subject = plan.subject
            self.audiences = token.aud
            self.scopes = plan.scopes
            self.expires = token.exp
            if refresh is not None:
                self.refresh_jti = refresh.jti
            self.has_id_token = bool(answer.id_token)


class RequestLog:
    """Creates lines, counts requests, and passes finished lines to `write` if there is one.

    The lines are AuditLines if `audit` is true. The class is Falcon middleware, so that its timer runs with the
    application.
    """

    def __init__(
        self, clock: Callable[[], float], write: Callable[[bytes], Any] | None = None, *, audit: bool = False
    ) -> None:
        self._clock = clock
        self._write = write
        self._line = AuditLine if audit else Line
        self._encode = msgspec.json.Encoder().encode
        self._process = fresh_id()[:10]
        self._served = 0
        self._cells: defaultdict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * (len(_BOUNDS) + 2))
        self._tokens: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._timer: asyncio.Task[None] | None = None

    def begin(self, scope: dict[str, Any]) -> Line:
        """Return the line of a request that begins now."""
        self._served += 1
        client = scope["client"]
        return self._line(
            self._clock(), f"{self._process}-{self._served:x}", client[0] if client else "", scope["method"]
        )

    def finish(self, line: Line, seconds: float) -> None:
        """Count the request, which took `seconds`, and write its line."""
        error = line.error
        cell = self._cells[line.endpoint, error or ("ok" if 0 < line.status < 400 else str(line.status or "gone"))]
        cell[bisect_left(_BOUNDS, seconds)] += 1
        cell[-1] += seconds
        if line.format and not error:
            self._tokens[line.format, line.grant_type] += 1
        if self._write is not None:
            line.ms = round(seconds * 1000, 3)
            self._write(self._encode(line))

    def flush(self) -> None:
        """Add the counts since the last call to the Prometheus metrics."""
        for (endpoint, outcome), (*buckets, seconds) in self._cells.items():
            _REQUESTS.labels(endpoint, outcome).inc(sum(buckets))
            histogram = _SECONDS.labels(endpoint)
            histogram._sum.inc(seconds)
            for bucket, count in enumerate(buckets):
                histogram._buckets[bucket].inc(count)
        for labels, tokens in self._tokens.items():
            _TOKENS.labels(*labels).inc(tokens)
        self._cells.clear()
        self._tokens.clear()

    async def process_startup(self, scope: dict[str, Any], event: dict[str, Any]) -> None:
        """Start the timer."""
        self._timer = asyncio.create_task(self._keep_flushing())

    async def process_shutdown(self, scope: dict[str, Any], event: dict[str, Any]) -> None:
        """Stop the timer and add the last counts."""
        if self._timer is not None:
            self._timer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._timer
        self.flush()

    async def _keep_flushing(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            self.flush()
