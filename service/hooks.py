"""Code of the operator's own, by dotted path (docs/hooks.md): loaded once, at the start; its faults stay its own."""

from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import urlsplit

import structlog

from service.bags.sign import RESERVED_CLAIMS
from service.config import Config
from service.grants import GRANTS, GrantFunction, GrantRequest, Plan
from service.protocol.errors import OAuthError

log = structlog.get_logger("satchel")

Hook = Callable[..., Awaitable[Any]]


class HookError(ValueError):
    """A hook that cannot be had; the text says why."""


def load_hook(path: str) -> Hook:
    """Return the async function `package.module:name`.

    Raises:
        HookError
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise HookError("must be written as package.module:name")
    try:
        hook = getattr(import_module(module_name), name)
    except (ImportError, AttributeError) as fault:
        raise HookError(str(fault)) from None
    except Exception as fault:
        raise HookError(f"{module_name} cannot be imported: {type(fault).__name__}") from None
    if not iscoroutinefunction(hook) and not iscoroutinefunction(getattr(hook, "__call__", None)):  # noqa: B004
        raise HookError("is not an async function")
    return hook  # type: ignore[no-any-return]


def guarded(path: str, *kinds: type) -> Hook:
    """Return the hook at `path` so that it answers one of `kinds` or refuses with an OAuthError.

    Any other exception is logged by its class alone, since its text may hold what the request held.

    Raises:
        HookError
    """
    hook = load_hook(path)

    async def call(*arguments: Any) -> Any:
        try:
            answer = await hook(*arguments)
        except OAuthError:
            raise
        except Exception as fault:
            raise _failed(path, type(fault).__name__) from None
        if not isinstance(answer, kinds):
            raise _failed(path, f"answered {type(answer).__name__}")
        return answer

    return call


def custom_grants(config: Config) -> dict[str, GrantFunction]:
    """Return the operator's own grants by grant_type.

    Raises:
        HookError
    """
    return {grant_type: _custom_grant(path) for grant_type, path in config.hooks.grants.items()}


def hook_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for each hook that cannot be used."""
    hooks = config.hooks
    named = {"authenticate_user": hooks.authenticate_user, "authenticate_client": hooks.authenticate_client}
    paths = {name: path for name, path in named.items() if path}
    for grant_type, path in hooks.grants.items():
        paths[f"grants.{grant_type}"] = path
        if grant_type in GRANTS:
            yield f"hooks.grants.{grant_type}", "is built in"
        elif not urlsplit(grant_type).scheme:
            yield f"hooks.grants.{grant_type}", "must be an absolute URI (RFC 6749 section 4.5)"
    for n, client in enumerate(config.clients):
        for grant_type in client.grants:
            if grant_type not in GRANTS and grant_type not in hooks.grants:
                yield f"clients[{n}].grants", f"{grant_type!r} is neither built in nor one of hooks.grants"
    for name, path in paths.items():
        try:
            load_hook(path)
        except HookError as fault:
            yield f"hooks.{name}", f"{path!r}: {fault}"


def _custom_grant(path: str) -> GrantFunction:
    hook = guarded(path, Plan)

    async def grant(request: GrantRequest) -> Plan:
        plan: Plan = await hook(request)
        if not plan.audiences:
            raise _failed(path, "no audience")
        if not RESERVED_CLAIMS.isdisjoint(plan.claims):
            raise _failed(path, "a claim that is for the service alone to set")
        return plan

    return grant


def _failed(path: str, fault: str) -> OAuthError:
    log.error("hook failed", hook=path, fault=fault)
    return OAuthError("server_error", "something went wrong here", reason=f"hook {path}: {fault}")
