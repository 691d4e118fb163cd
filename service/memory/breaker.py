"""A circuit breaker: after a few failures in a row nobody waits any more, save one caller now and then who tries."""

from __future__ import annotations

import time

from service.memory.port import MemoryUnavailable


class Breaker:
    """Closed until `failures` in a row; then open, with one probe every `pause` seconds."""

    def __init__(self, failures: int = 3, pause: float = 1.0) -> None:
        self._limit = failures
        self._pause = pause
        self._failures = 0
        self._next_probe = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the last calls failed."""
        return self._failures >= self._limit

    def enter(self) -> None:
        """Let a call through, or raise `MemoryUnavailable` at once."""
        if not self.is_open:
            return
        now = time.monotonic()
        if now < self._next_probe:
            raise MemoryUnavailable("the memory did not answer a moment ago")
        self._next_probe = now + self._pause

    def failed(self) -> bool:
        """Count a failure; tell whether the circuit is open now."""
        self._failures += 1
        if self._failures == self._limit:
            self._next_probe = time.monotonic() + self._pause
        return self.is_open

    def succeeded(self) -> None:
        """Close the circuit."""
        self._failures = 0
