"""Calls of hooks: with a time limit, in a bounded pool of threads, and with a check of the result's type.

A hook that fails or hangs therefore affects only the request that called it.
"""

import asyncio
from collections.abc import Callable
from inspect import iscoroutine, iscoroutinefunction
from typing import Any

import structlog

from service.config.tables import Hooks
from service.hooks.pool import Outcome, Pool, PoolExhausted
from service.protocol.errors import OAuthError

log = structlog.get_logger("satchel")


class Guard:
    """The time limit and the threads that all hooks of a process share."""

    def __init__(self, limits: Hooks) -> None:
        self.seconds = limits.timeout
        self.pool = Pool(limits.threads, limits.queue)


class Hook:
    """A hook that returns an instance of `kinds` or raises an OAuthError.

    Any other outcome is logged with the name of the hook and the class of the exception. The text of the exception is
    not logged, because it may contain data of the request.
    """

    def __init__(self, guard: Guard, name: str, function: Callable[..., Any], *kinds: type) -> None:
        self.name = name
        self._guard = guard
        self._function = function
        self._kinds = kinds
        self._is_async = iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004

    async def __call__(self, *arguments: Any) -> Any:
        """Return the result of the hook.

        Raises:
            OAuthError: raised by the hook; server_error: the hook failed or took longer than `hooks.timeout`.
        """
        future = self._start(arguments)
        try:
            # Unlike wait_for, this returns in time even if the hook ignores cancellation.
            await asyncio.wait((future,), timeout=self._guard.seconds)
            if not future.done():
                raise self.failed(f"took longer than {self._guard.seconds:g} s")
        finally:
            future.cancel()
        if future.cancelled():
            raise self.failed("CancelledError")
        answer, fault = future.result()
        if isinstance(fault, OAuthError):
            raise fault
        if fault is not None:
            raise self.failed(type(fault).__name__)
        if not isinstance(answer, self._kinds):
            if iscoroutine(answer):
                answer.close()
            raise self.failed(f"returned {type(answer).__name__}")
        return answer

    def failed(self, fault: str) -> OAuthError:
        """Log that the hook failed, and return the error for the client."""
        log.error("hook failed", hook=self.name, fault=fault)
        return OAuthError(
            "server_error",
            "internal error",
            reason=f"hook {self.name}: {fault}",
        )

    def _start(self, arguments: tuple[Any, ...]) -> "asyncio.Future[Outcome]":
        if self._is_async:
            return asyncio.ensure_future(self._awaited(arguments))
        try:
            return asyncio.wrap_future(self._guard.pool.submit(self._function, *arguments))
        except PoolExhausted:
            raise self.failed("no thread is free and the queue is full") from None

    async def _awaited(self, arguments: tuple[Any, ...]) -> Outcome:
        try:
            return Outcome(await self._function(*arguments))
        except (Exception, SystemExit) as fault:  # SystemExit in a task would take the worker down
            return Outcome(fault=fault)
