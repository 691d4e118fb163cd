"""The runtime: what all endpoints use now. When keys change, its context is replaced as a whole."""

from collections.abc import Callable

from keys import Policy
from service.decisions.context import Context


class Runtime:
    """The current context, the key policy and the clock (seconds since the epoch).

    `fault` says why the key directory cannot be read; it is empty if there is no fault.
    """

    __slots__ = ("clock", "context", "fault", "policy")

    def __init__(self, context: Context, policy: Policy, clock: Callable[[], float]) -> None:
        self.context = context
        self.policy = policy
        self.clock = clock
        self.fault = ""
