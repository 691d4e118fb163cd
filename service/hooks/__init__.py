"""Hooks: the operator's own Python code (docs/hooks.md). This package exports all that hooks import.

| file | what it holds |
|---|---|
| `protocol.py` | the methods of `hooks.object`, with their arguments and results |
| `decide.py` | `TokenRequest`, the argument of `decide` |
| `events.py` | audit events: `TokenIssued`, `TokenRefused`, and their delivery |
| `load.py` | loading a hook by its dotted path |
| `problems.py` | rules of the settings in `[hooks]` |
| `guard.py` | calls of hooks, with a time limit and a check of the result |
| `pool.py` | the threads of sync hooks |
| `plans.py` | checks of the plans and claims that hooks return |
| `wiring.py` | all hooks of a configuration, ready to be called |
"""

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
