"""The one failure of every token that cannot be opened, whatever the reason."""

from typing import Any


class BadBag(Exception):
    """A token that is not ours, not for here, altered or out of time.

    `reason` is for the log only: an answer that told the reasons apart would be an oracle.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("bad bag")
        self.reason = reason


class ExpiredBag(BadBag):
    """An authentic bag whose time is over; `bag` is what it held.

    Only the device grant (RFC 8628 section 3.5, expired_token) and logout (id_token_hint) look inside.
    """

    def __init__(self, bag: Any) -> None:
        super().__init__("expired")
        self.bag = bag
