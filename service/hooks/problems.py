"""Rules of the settings in `[hooks]` (docs/hooks.md). Each rule yields (path, message)."""

from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from service.config import Config
from service.config.check_grants import DEVICE_CODE
from service.grants import GRANTS
from service.hooks.load import HookError, load_function, load_methods


def hook_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for every broken rule, and for each hook that cannot be loaded."""
    hooks = config.hooks
    named = {"authenticate_user": hooks.authenticate_user, "authenticate_client": hooks.authenticate_client}
    paths = {name: path for name, path in named.items() if path}
    for grant_type, path in hooks.grants.items():
        paths[f"grants.{grant_type}"] = path
        if grant_type in GRANTS:
            yield f"hooks.grants.{grant_type}", "is a built-in grant; use hooks.decides to decide its requests"
        elif not urlsplit(grant_type).scheme:
            yield f"hooks.grants.{grant_type}", "must be an absolute URI (RFC 6749 section 4.5)"
    for n, client in enumerate(config.clients):
        for grant_type in client.grants:
            if grant_type not in GRANTS and grant_type not in hooks.grants:
                yield f"clients[{n}].grants", f"{grant_type!r} is neither a built-in grant nor one of hooks.grants"
    for name, path in paths.items():
        try:
            load_function(path)
        except HookError as fault:
            yield f"hooks.{name}", f"{path!r}: {fault}"
    try:
        methods = load_methods(hooks.object) if hooks.object else ()
    except HookError as fault:
        yield "hooks.object", f"{hooks.object!r}: {fault}"
    else:
        yield from _decides(config, methods)
        yield from _people(config, methods)


def _decides(config: Config, methods: Collection[str]) -> Iterator[tuple[str, str]]:
    decides = config.hooks.decides
    for n, grant_type in enumerate(decides):
        if grant_type not in GRANTS:
            yield f"hooks.decides[{n}]", f"{grant_type!r} is not a built-in grant; configure your own in hooks.grants"
    if decides and "decide" not in methods:
        yield "hooks.decides", "needs a hooks.object with the method decide"
    if "decide" in methods and not decides:
        yield "hooks.decides", "is empty, so hooks.object.decide is never called; name its grant types"


def _people(config: Config, methods: Collection[str]) -> Iterator[tuple[str, str]]:
    others = config.users.known or config.hooks.authenticate_user
    if "authenticate_user" in methods:
        if others:
            yield "hooks.object", "authenticate_user excludes users.known, users.file and hooks.authenticate_user"
        return
    if others or not config.hooks.object:  # without hooks.object, service/config/check_grants.py checks this
        return
    needing = {"password", DEVICE_CODE}.difference(config.hooks.decides, {DEVICE_CODE} if config.login.url else ())
    for n, client in enumerate(config.clients):
        for grant_type in sorted(needing.intersection(client.grants)):
            yield f"clients[{n}].grants", f"nobody can log in for {grant_type}: hooks.object has no authenticate_user"
