"""Audit events of the token endpoint: issued and refused tokens, delivered to hooks without delaying the response."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from prometheus_client import Counter

from service.config.tables import Hooks
from service.decisions.decision import Decision
from service.decisions.issued_tokens import Issued
from service.hooks.guard import Hook
from service.protocol.errors import OAuthError

log = structlog.get_logger("satchel")

_DROPPED = Counter(
    "satchel_audit_events_dropped", "Audit events dropped because the queue was full or the service stopped"
)
_NO_REFUSAL = frozenset({"authorization_pending", "use_dpop_nonce"})
"""Error codes that are normal steps of a flow and not refusals (RFC 8628 section 3.5, RFC 9449 section 8)."""


class TokenIssued(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens were issued. Times are in seconds since the epoch. Tokens are identified by their `jti`."""

    time: float
    client_id: str
    auth_method: str
    grant_type: str
    subject: str
    """The id of the user, also if the client sees a pairwise `sub`; the client id for a client's own token."""
    audiences: tuple[str, ...]
    scopes: tuple[str, ...]
    jti: str
    expires: int
    format: str
    refresh_jti: str
    """Empty if no refresh token was issued."""
    has_id_token: bool


class TokenRefused(msgspec.Struct, frozen=True, kw_only=True):
    """A token request was refused. Unknown members are empty. `time` is in seconds since the epoch."""

    time: float
    client_id: str
    auth_method: str
    grant_type: str
    error: str
    reason: str
    """The reason for the operator. The client got a less detailed description."""


class Audit:
    """Delivers events to the hooks, one after the other.

    At most `hooks.events` events wait. Further events are dropped and counted.
    """

    def __init__(self, on_issued: Hook | None, on_refused: Hook | None, limits: Hooks) -> None:
        self._on_issued = on_issued
        self._on_refused = on_refused
        self._limits = limits
        self._waiting: deque[tuple[Hook, Any]] = deque()
        self._task: asyncio.Task[None] | None = None

    def __call__(self, decision: Decision, now: float) -> None:
        """Queue the event of `decision` on a token request at `now` (seconds since the epoch). This never waits."""
        if decision.error is not None:
            if self._on_refused is not None and decision.error.code not in _NO_REFUSAL:
                self._add(self._on_refused, _refused(decision, decision.error, now))
        elif self._on_issued is not None and decision.issued is not None:
            self._add(self._on_issued, _issued(decision, decision.issued, now))

    async def process_shutdown(self, scope: dict[str, Any], event: dict[str, Any]) -> None:
        """Deliver the waiting events (Falcon middleware), for `hooks.timeout` seconds at most, and drop the rest."""
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=self._limits.timeout)
            self._task.cancel()
            _DROPPED.inc(len(self._waiting))
            self._waiting.clear()

    def _add(self, hook: Hook, event: Any) -> None:
        if len(self._waiting) >= self._limits.events:
            _DROPPED.inc()
            return
        self._waiting.append((hook, event))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._deliver())

    async def _deliver(self) -> None:
        while self._waiting:
            hook, event = self._waiting.popleft()
            with suppress(OAuthError):  # the guard has logged it
                await hook(event)


async def write_issued(event: TokenIssued) -> None:
    """Log the event as a JSON line."""
    log.info("token issued", **_members(event))


async def write_refused(event: TokenRefused) -> None:
    """Log the event as a JSON line."""
    log.info("token refused", **_members(event))


def _members(event: TokenIssued | TokenRefused) -> dict[str, Any]:
    # In a log line, `time` is the time of writing, so the time of the event has a name of its own.
    members = msgspec.structs.asdict(event)
    return {"instant": members.pop("time"), **{name: value for name, value in members.items() if value}}


def _issued(decision: Decision, issued: Issued, now: float) -> TokenIssued:
    token, refresh = issued.token, issued.refresh
    return TokenIssued(
        time=now,
        client_id=token.client_id,
        auth_method=decision.auth_method,
        grant_type=decision.grant_type,
        subject=issued.plan.subject,
        audiences=token.aud,
        scopes=tuple(token.scope.split()),
        jti=token.jti,
        expires=token.exp,
        format=decision.token_format,
        refresh_jti="" if refresh is None else refresh.jti,
        has_id_token=bool(issued.answer.id_token),
    )


def _refused(decision: Decision, error: OAuthError, now: float) -> TokenRefused:
    return TokenRefused(
        time=now,
        client_id=decision.client_id,
        auth_method=decision.auth_method,
        grant_type=decision.grant_type,
        error=error.code,
        reason=error.reason,
    )
