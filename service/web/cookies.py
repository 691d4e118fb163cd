"""The two cookies (RFC 6265): the session, and an id that binds tickets to this browser.

The prefix `__Host-` prevents other hosts of the domain, and plain http, from setting these cookies. The browser drops
them when it closes; the bags in them have expiry times of their own. With SameSite=Lax the browser sends them when a
user follows a link from another site, but not when another site POSTs.
"""

from typing import NamedTuple

from service.web.answer import Headers

_NAMES = ("satchel-session", "satchel-browser")


class Jar(NamedTuple):
    """The cookies of a request. A missing cookie is empty."""

    session: str = ""
    browser: str = ""

    def __repr__(self) -> str:
        return "Jar()"


class Cookies:
    """Reads and writes the cookies. `secure` is false only for http on loopback, where browsers drop secure cookies."""

    def __init__(self, secure: bool) -> None:
        self._names = tuple(f"__Host-{name}" if secure else name for name in _NAMES)
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    def read(self, headers: Headers) -> Jar:
        """Return the cookies in `headers`. A cookie that is sent twice counts as missing: one of the two is foreign."""
        found: dict[str, str] = {}
        for line in [value.decode("latin-1") for name, value in headers if name == b"cookie"]:
            for pair in line.split(";"):
                name, _, value = pair.strip(" \t").partition("=")
                if name in self._names:
                    found[name] = "" if name in found else value
        return Jar(*[found.get(name, "") for name in self._names])

    def fields(self, session: str | None, browser: str | None) -> Headers:
        """Return the Set-Cookie fields: a value sets the cookie, an empty value deletes it, None leaves it alone."""
        return [
            (b"set-cookie", f"{name}={value}{self._attributes}{'' if value else '; Max-Age=0'}".encode("ascii"))
            for name, value in zip(self._names, (session, browser), strict=True)
            if value is not None
        ]
