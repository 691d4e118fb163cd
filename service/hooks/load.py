"""Loading hooks by their dotted paths, once, at the start."""

from collections.abc import Callable
from importlib import import_module
from inspect import signature
from typing import Any

METHODS = ("authenticate_user", "customize_access_token", "customize_id_token", "decide", "on_issued", "on_refused")
"""The methods that `hooks.object` may have; service/hooks/protocol.py describes them."""


class HookError(ValueError):
    """A hook cannot be loaded. The text says why."""


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
    """Return which of METHODS the object or class `package.module:name` has. A class is not called.

    Raises:
        HookError: the object cannot be loaded, is a class that needs arguments, or has none of METHODS.
    """
    target = _load(path)
    if isinstance(target, type):
        try:
            signature(target).bind()
        except (TypeError, ValueError):
            raise HookError("is a class that cannot be called without arguments") from None
    names = tuple(name for name in METHODS if getattr(target, name, None) is not None)
    for name in names:
        if not callable(getattr(target, name)):
            raise HookError(f"has {name}, but it is not a method")
    if not names:
        raise HookError(f"has none of the methods {', '.join(METHODS)}")
    return names


def make_object(path: str) -> dict[str, Callable[..., Any]]:
    """Return the methods of the object `package.module:name`, by name. If it is a class, it is called first.

    Raises:
        HookError
    """
    names, target = load_methods(path), _load(path)
    if isinstance(target, type):
        try:
            target = target()
        except (Exception, SystemExit) as fault:
            raise HookError(f"is a class that raises {type(fault).__name__} when it is called") from None
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
