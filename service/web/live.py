"""What the running service works with now; a change of keys replaces the desk as a whole."""

from collections.abc import Callable

from keys import Policy
from service.decisions.desk import Desk


class Live:
    """The current desk, and the clock (seconds since the epoch); `fault` names an unreadable key ring."""

    __slots__ = ("clock", "desk", "fault", "policy")

    def __init__(self, desk: Desk, policy: Policy, clock: Callable[[], float]) -> None:
        self.desk = desk
        self.policy = policy
        self.clock = clock
        self.fault = ""
