"""What the running service works with now; a change of keys replaces the context as a whole."""

from collections.abc import Callable

from keys import Policy
from service.decisions.context import Context


class Runtime:
    """The current context, and the clock (seconds since the epoch); `fault` names an unreadable key ring."""

    __slots__ = ("clock", "context", "fault", "policy")

    def __init__(self, context: Context, policy: Policy, clock: Callable[[], float]) -> None:
        self.context = context
        self.policy = policy
        self.clock = clock
        self.fault = ""
