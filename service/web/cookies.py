"""The cookies (RFC 6265): the session, the browser id, and one for each page that a new browser opens.

The prefix `__Host-` prevents other hosts of the domain, and plain http, from setting these cookies. The digest of the
issuer in their names keeps several issuers of one host apart, since neither path nor port does. The browser drops the
cookies when it closes; the bags in them have expiry times of their own. With SameSite=Lax the browser sends them when a
user follows a link from another site, but not when another site POSTs.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from satchel_jose.base64url import encode
from service.decisions.decision import Decision
from service.web.answer import Headers

_DIGEST_CHARS = 8
_PAGE_CHARS = 8
"""Characters of a page's id that stand in the name of its cookie."""


class Jar(NamedTuple):
    """The cookies of a request. A missing cookie is empty."""

    session: str = ""
    browser: str = ""
    pages: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Jar()"


class Cookies:
    """Reads and writes the cookies of `issuer`. Those of an http issuer, which is on loopback, are not `Secure`.

    Browsers drop secure cookies there. `page_lifetime`, in seconds, is how long a page can be answered.
    """

    def __init__(self, issuer: str, page_lifetime: int) -> None:
        secure, digest = issuer.startswith("https:"), encode(sha256(issuer.encode()).digest()).decode()[:_DIGEST_CHARS]
        self.session, self.browser, self.page = (
            f"{'__Host-' if secure else ''}satchel-{kind}-{digest}" for kind in ("session", "browser", "page")
        )
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
        self._page_lifetime = page_lifetime

    def read(self, headers: Headers) -> Jar:
        """Return the cookies in `headers`. A cookie that is sent twice counts as missing: one of the two is foreign."""
        found: dict[str, str] = {}
        for line in [value.decode("latin-1") for name, value in headers if name == b"cookie"]:
            for pair in line.split(";"):
                name, _, value = pair.strip(" \t").partition("=")
                if name in (self.session, self.browser) or (value and name == self._page_name(value)):
                    found[name] = "" if name in found else value
        session, browser = found.pop(self.session, ""), found.pop(self.browser, "")
        return Jar(session, browser, tuple(filter(None, found.values())))

    def fields(self, decision: Decision) -> Headers:
        """Return the Set-Cookie fields of `decision`."""
        return [
            (b"set-cookie", f"{name}={value}{self._attributes}{age}".encode("latin-1"))
            for name, value, age in self._changes(decision)
        ]

    def _changes(self, decision: Decision) -> Iterator[tuple[str, str, str]]:
        """Yield name, value and Max-Age of each cookie that changes. The value is empty if it is to be deleted."""
        for page in decision.dropped_pages:
            yield self._page_name(page), "", "; Max-Age=0"
        if decision.page:
            yield self._page_name(decision.page), decision.page, f"; Max-Age={self._page_lifetime}"
        for name, value in ((self.session, decision.session), (self.browser, decision.browser)):
            if value is not None:
                yield name, value, "" if value else "; Max-Age=0"

    def _page_name(self, page: str) -> str:
        return f"{self.page}-{page.partition('.')[2][:_PAGE_CHARS]}"
