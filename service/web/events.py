"""Log events other than requests: JSON lines on standard output, written with structlog."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

import structlog


def configure_events(level: str, write: Callable[[bytes], Any]) -> None:
    """Send every event of at least `level` to `write`, as one JSON line."""

    class Sink:
        def msg(self, line: str) -> None:
            write(line.encode())

        debug = info = warning = error = critical = exception = msg

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(key="time"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: Sink(),
        cache_logger_on_first_use=False,
    )


class StandardOutput:
    """Writes lines to standard output. The lines of one turn of the event loop are written with one system call."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def __call__(self, line: bytes) -> None:
        """Write `line` at the end of this turn of the event loop; at once if no loop runs."""
        self._lines.append(line)
        if len(self._lines) == 1:
            try:
                asyncio.get_running_loop().call_soon(self._flush)
            except RuntimeError:
                self._flush()

    def _flush(self) -> None:
        text = b"\n".join([*self._lines, b""])
        self._lines.clear()
        while text:
            text = text[os.write(1, text) :]
