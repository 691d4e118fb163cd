"""The two cookies, as browsers keep and send them (RFC 6265)."""

from http.cookies import SimpleCookie

import pytest

from service.web.cookies import Cookies, Jar

HOST = Cookies(secure=True)
LOOPBACK = Cookies(secure=False)


def lines(cookies: Cookies, session: str | None, browser: str | None) -> list[str]:
    fields = cookies.fields(session, browser)
    assert {name for name, _ in fields} <= {b"set-cookie"}
    return [value.decode() for _, value in fields]


def test_what_is_set_over_tls() -> None:
    assert lines(HOST, "s.1", "b.2") == [
        "__Host-satchel-session=s.1; Path=/; HttpOnly; SameSite=Lax; Secure",
        "__Host-satchel-browser=b.2; Path=/; HttpOnly; SameSite=Lax; Secure",
    ]


def test_what_is_set_on_loopback() -> None:
    assert lines(LOOPBACK, "s.1", None) == ["satchel-session=s.1; Path=/; HttpOnly; SameSite=Lax"]


def test_what_is_dropped_and_what_is_left_alone() -> None:
    assert lines(HOST, "", None) == ["__Host-satchel-session=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"]
    assert lines(HOST, None, None) == []


@pytest.mark.parametrize("cookies", [HOST, LOOPBACK])
def test_what_is_set_comes_back(cookies: Cookies) -> None:
    kept = SimpleCookie()
    for line in lines(cookies, "aA0-_.x", "y"):
        kept.load(line)
    header = "; ".join(f"{name}={morsel.value}" for name, morsel in kept.items())
    assert cookies.read([(b"cookie", header.encode())]) == Jar("aA0-_.x", "y")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], Jar()),
        (["a=b"], Jar()),
        (["__Host-satchel-session=s"], Jar("s")),
        (["a=b; __Host-satchel-session=s;__Host-satchel-browser=b ;c"], Jar("s", "b")),
        (["__Host-satchel-session=s", "__Host-satchel-browser=b"], Jar("s", "b")),
        (["satchel-session=s; __HOST-satchel-session=t; x__Host-satchel-session=u"], Jar()),
        (["__Host-satchel-session=s=t"], Jar("s=t")),
        (["__Host-satchel-session=s; __Host-satchel-session=t; __Host-satchel-browser=b"], Jar("", "b")),
        (["__Host-satchel-session=s", "__Host-satchel-session=s; __Host-satchel-session=s"], Jar()),
        (["=; ;;__Host-satchel-session"], Jar()),
        (["__Host-satchel-session=\xff"], Jar("\xff")),
    ],
)
def test_what_is_read(headers: list[str], expected: Jar) -> None:
    assert HOST.read([(b"cookie", header.encode("latin-1")) for header in headers]) == expected


def test_no_value_is_shown() -> None:
    assert repr(Jar("secret", "secret")) == "Jar()"
