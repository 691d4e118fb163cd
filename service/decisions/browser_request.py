"""What a browser brings to the authorization endpoint and its pages (RFC 6749 section 3.1)."""

from typing import NamedTuple


class BrowserRequest(NamedTuple):
    """A request of a browser: parameters as they were sent (a query or a form), and what came beside them.

    `session` and `browser` are the values of the two cookies, empty without them; `address` is the person's, as far
    as trusted proxies tell.
    """

    parameters: bytes
    session: str = ""
    browser: str = ""
    address: str = ""

    def __repr__(self) -> str:
        return "BrowserRequest()"
