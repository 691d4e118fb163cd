"""`BadBag`, the one error of every bag or token that is refused, whatever the reason."""

from typing import Any

from satchel_jose.errors import Rejected

BadBag = Rejected
"""A token that is not ours, not for here, altered or out of time. It is what the readers of satchel_jose raise too, so
no caller can catch the one and forget the other. `reason` is for the log only."""


class ExpiredBag(BadBag):
    """The bag is authentic but has expired; `bag` is its content.

    Only the device grant (RFC 8628 section 3.5, expired_token) and logout (id_token_hint) look inside.
    """

    def __init__(self, bag: Any) -> None:
        super().__init__("expired")
        self.bag = bag
