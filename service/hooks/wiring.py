"""All hooks of one configuration, ready to be called."""

from typing import Any, NamedTuple

from service.config import Config
from service.grants import GrantFunction, GrantRequest, Plan
from service.grants.plan import Awaiting
from service.hooks.decide import deciding
from service.hooks.events import Audit, write_issued, write_refused
from service.hooks.guard import Guard, Hook
from service.hooks.load import load_function, make_object
from service.hooks.plans import CustomizeHooks, check_plan
from service.protocol.errors import OAuthError
from service.protocol.ports import User

_NONE = type(None)
_KINDS: dict[str, tuple[type, ...]] = {
    "authenticate_user": (User, _NONE),
    "customize_access_token": (dict,),
    "customize_id_token": (dict,),
    "decide": (Plan, Awaiting, OAuthError, _NONE),
    "on_issued": (object,),
    "on_refused": (object,),
}


class Hooked(NamedTuple):
    """The hooks of a configuration. A hook that is not configured is None."""

    authenticate_user: Hook | None
    authenticate_client: Hook | None
    customize: CustomizeHooks | None
    audit: Audit | None
    grants: dict[str, GrantFunction]


def open_hooks(config: Config) -> Hooked:
    """Return the hooks of `config`. If `hooks.object` is a class, it is called now.

    Raises:
        HookError: a hook cannot be loaded.
    """
    hooks, guard = config.hooks, Guard(config.hooks)

    def function(path: str, *kinds: type) -> Hook | None:
        return Hook(guard, path, load_function(path), *kinds) if path else None

    methods = make_object(hooks.object) if hooks.object else {}
    found = {name: Hook(guard, f"{hooks.object}.{name}", call, *_KINDS[name]) for name, call in methods.items()}
    if hooks.audit and not config.logging.requests:  # request lines would contain the audit facts
        found.setdefault("on_issued", Hook(guard, "on_issued", write_issued, object))
        found.setdefault("on_refused", Hook(guard, "on_refused", write_refused, object))
    access, id_token = found.get("customize_access_token"), found.get("customize_id_token")
    on_issued, on_refused = found.get("on_issued"), found.get("on_refused")
    grants = {name: _grant(Hook(guard, path, load_function(path), Plan)) for name, path in hooks.grants.items()}
    return Hooked(
        found.get("authenticate_user") or function(hooks.authenticate_user, User, _NONE),
        function(hooks.authenticate_client, str, _NONE),
        CustomizeHooks(access, id_token) if access or id_token else None,
        Audit(on_issued, on_refused, hooks) if on_issued or on_refused else None,
        grants | {grant_type: deciding(found["decide"], grant_type) for grant_type in hooks.decides},
    )


def _grant(hook: Hook) -> GrantFunction:
    """Return a hook of `hooks.grants` as a grant."""

    async def grant(request: GrantRequest) -> Plan:
        plan: Any = await hook(request)
        return check_plan(hook, plan, request)

    return grant
