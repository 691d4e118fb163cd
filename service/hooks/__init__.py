"""Code of the operator's own (docs/hooks.md): found once, at the start; its faults stay its own."""

from service.grants import GrantRequest, Plan
from service.hooks.decide import TokenRequest
from service.hooks.events import TokenIssued, TokenRefused
from service.hooks.load import HookError
from service.hooks.problems import hook_problems
from service.hooks.protocol import Decided
from service.hooks.wiring import Hooked, open_hooks
from service.protocol.audience import meaningful_scopes
from service.protocol.errors import OAuthError
from service.protocol.one_time_id import OneTimeId, replay_id
from service.protocol.ports import User
from service.protocol.scopes import grant_scopes, parse_scope

__all__ = [
    "Decided",
    "GrantRequest",
    "HookError",
    "Hooked",
    "OAuthError",
    "OneTimeId",
    "Plan",
    "TokenIssued",
    "TokenRefused",
    "TokenRequest",
    "User",
    "grant_scopes",
    "hook_problems",
    "meaningful_scopes",
    "open_hooks",
    "parse_scope",
    "replay_id",
]
