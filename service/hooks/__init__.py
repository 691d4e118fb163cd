"""Code of the operator's own (docs/hooks.md): found once, at the start; its faults stay its own."""

from service.grants import GrantRequest, Plan
from service.hooks.decide import TokenRequest
from service.hooks.events import TokenIssued, TokenRefused
from service.hooks.load import HookError
from service.hooks.problems import hook_problems
from service.hooks.protocol import Decided
from service.hooks.wiring import Hooked, open_hooks
from service.protocol.errors import OAuthError
from service.protocol.ports import User

__all__ = [
    "Decided",
    "GrantRequest",
    "HookError",
    "Hooked",
    "OAuthError",
    "Plan",
    "TokenIssued",
    "TokenRefused",
    "TokenRequest",
    "User",
    "hook_problems",
    "open_hooks",
]
