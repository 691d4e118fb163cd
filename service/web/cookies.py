"""The two cookies of a browser (RFC 6265): its session, and what tells it from other browsers.

`__Host-` keeps other hosts of the domain, and plain http, from setting them. They end with the browser; what is in
them ends by itself. Lax lets them come with a person who follows a link here, and not with another site's POST.
"""

from typing import NamedTuple

from service.web.answer import Headers

_NAMES = ("satchel-session", "satchel-browser")


class Jar(NamedTuple):
    """Values of the cookies of a request; empty where there is none."""

    session: str = ""
    browser: str = ""

    def __repr__(self) -> str:
        return "Jar()"


class Cookies:
    """Reads and writes them; `secure` is off for http on loopback alone, where browsers would not keep them."""

    def __init__(self, secure: bool) -> None:
        self._names = tuple(f"__Host-{name}" if secure else name for name in _NAMES)
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    def read(self, headers: Headers) -> Jar:
        """Return what `headers` bring; a cookie that is there twice counts as absent, for one of them is not ours."""
        found: dict[str, str] = {}
        for line in [value.decode("latin-1") for name, value in headers if name == b"cookie"]:
            for pair in line.split(";"):
                name, _, value = pair.strip(" \t").partition("=")
                if name in self._names:
                    found[name] = "" if name in found else value
        return Jar(*[found.get(name, "") for name in self._names])

    def fields(self, session: str | None, browser: str | None) -> Headers:
        """Return the header fields that set each cookie, drop it where it is empty, or leave it alone (None)."""
        return [
            (b"set-cookie", f"{name}={value}{self._attributes}{'' if value else '; Max-Age=0'}".encode("ascii"))
            for name, value in zip(self._names, (session, browser), strict=True)
            if value is not None
        ]
