"""A browser's request to the authorization endpoint and its pages (RFC 6749 section 3.1)."""

from typing import NamedTuple


class BrowserRequest(NamedTuple):
    """A browser's request, independent of HTTP.

    parameters: the query or the form as it was sent.
    session, browser: the values of these two cookies, or empty.
    address: the person's IP address, as trusted proxies report it.
    pages: the values of the page cookies (service/decisions/session/browser.py).
    """

    parameters: bytes
    session: str = ""
    browser: str = ""
    address: str = ""
    pages: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "BrowserRequest()"
