"""Finding code of the operator's own by its dotted path, once, at the start."""

from collections.abc import Callable
from importlib import import_module
from inspect import signature
from typing import Any

METHODS = ("authenticate_user", "customize_access_token", "customize_id_token", "decide", "on_issued", "on_refused")
"""What the object of `hooks.object` may do, each as service/hooks/protocol.py says."""


class HookError(ValueError):
    """A hook that cannot be had; the text says why."""


def load_function(path: str) -> Callable[..., Any]:
    """Return the function `package.module:name`.

    Raises:
        HookError
    """
    function = _load(path)
    if not callable(function):
        raise HookError("is not a function")
    return function  # type: ignore[no-any-return]


def load_methods(path: str) -> tuple[str, ...]:
    """Return which of METHODS the object or class `package.module:name` has; no object is made.

    Raises:
        HookError: it cannot be had, is a class that needs arguments, or has none of them.
    """
    target = _load(path)
    if isinstance(target, type):
        try:
            signature(target).bind()
        except (TypeError, ValueError):
            raise HookError("cannot be called without arguments") from None
    names = tuple(name for name in METHODS if getattr(target, name, None) is not None)
    for name in names:
        if not callable(getattr(target, name)):
            raise HookError(f"has a {name} that is not a method")
    if not names:
        raise HookError(f"has none of the methods {', '.join(METHODS)}")
    return names


def make_object(path: str) -> dict[str, Callable[..., Any]]:
    """Return the methods of the object `package.module:name` by name; a class is called for one first.

    Raises:
        HookError
    """
    names, target = load_methods(path), _load(path)
    if isinstance(target, type):
        try:
            target = target()
        except (Exception, SystemExit) as fault:
            raise HookError(f"cannot be made: {type(fault).__name__}") from None
    return {name: getattr(target, name) for name in names}


def _load(path: str) -> Any:
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise HookError("must be written as package.module:name")
    try:
        return getattr(import_module(module_name), name)
    except (ImportError, AttributeError) as fault:
        raise HookError(str(fault)) from None
    except (Exception, SystemExit) as fault:  # a module that exits must not take the service along
        raise HookError(f"{module_name} cannot be imported: {type(fault).__name__}") from None
