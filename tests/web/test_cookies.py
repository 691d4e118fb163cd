"""The cookies, as browsers keep and send them (RFC 6265)."""

from http.cookies import SimpleCookie
from typing import Any

import pytest

from service.decisions.decision import Action, Decision
from service.web.cookies import Cookies, Jar

HOST = Cookies("https://as.example.com", 900)
LOOPBACK = Cookies("http://127.0.0.1:8000", 900)
PAGE = "1700000000.rT4-_gWJb0Ks1SxE8qnu2A"


def lines(cookies: Cookies, session: str | None, browser: str | None, **members: Any) -> list[str]:
    fields = cookies.fields(Decision(Action.OK, session=session, browser=browser, **members))
    assert {name for name, _ in fields} <= {b"set-cookie"}
    return [value.decode() for _, value in fields]


def test_what_is_set_over_tls() -> None:
    assert lines(HOST, "s.1", "b.2") == [
        f"{HOST.session}=s.1; Path=/; HttpOnly; SameSite=Lax; Secure",
        f"{HOST.browser}=b.2; Path=/; HttpOnly; SameSite=Lax; Secure",
    ]


def test_what_is_set_on_loopback() -> None:
    assert lines(LOOPBACK, "s.1", None) == [f"{LOOPBACK.session}=s.1; Path=/; HttpOnly; SameSite=Lax"]


def test_what_is_dropped_and_what_is_left_alone() -> None:
    assert lines(HOST, "", None) == [f"{HOST.session}=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"]
    assert lines(HOST, None, None) == []


def test_the_cookies_of_pages() -> None:
    attributes = "; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age="
    assert lines(HOST, None, None, page=PAGE, dropped_pages=("1.abc",)) == [
        f"{HOST.page}-abc={attributes}0",
        f"{HOST.page}-rT4-_gWJ={PAGE}{attributes}900",
    ]


def test_issuers_of_one_host_have_cookies_of_their_own() -> None:
    issuers = ("https://as.example.com", "https://as.example.com/tenant", "https://as.example.com:8443")
    names = [name for each in issuers for name in vars(Cookies(each, 900)).values() if str(name).startswith("__Host-")]
    assert len(set(names)) == 9
    assert HOST.session == "__Host-satchel-session-hPhi4sur"  # to change it would end every session


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
        ([f"{HOST.session}=s"], Jar("s")),
        ([f"a=b; {HOST.session}=s;{HOST.browser}=b ;c"], Jar("s", "b")),
        ([f"{HOST.session}=s", f"{HOST.browser}=b"], Jar("s", "b")),
        (
            [f"{LOOPBACK.session}=s; {HOST.session.upper()}=t; x{HOST.session}=u; __Host-satchel-session=v"],
            Jar(),
        ),
        ([f"{HOST.session}=s; {HOST.page}-rT4-_gWJ={PAGE}"], Jar("s", pages=(PAGE,))),
        ([f"{HOST.page}-rT4-_gWJ=7.other; {HOST.page}-={PAGE}; {HOST.page}-rT4-_gWJ="], Jar()),
        ([f"{HOST.page}-rT4-_gWJ={PAGE}; {HOST.page}-rT4-_gWJ={PAGE}"], Jar()),
        ([f"{HOST.session}=s=t"], Jar("s=t")),
        ([f"{HOST.session}=s; {HOST.session}=t; {HOST.browser}=b"], Jar("", "b")),
        ([f"{HOST.session}=s", f"{HOST.session}=s; {HOST.session}=s"], Jar()),
        ([f"=; ;;{HOST.session}"], Jar()),
        ([f"{HOST.session}=\xff"], Jar("\xff")),
    ],
)
def test_what_is_read(headers: list[str], expected: Jar) -> None:
    assert HOST.read([(b"cookie", header.encode("latin-1")) for header in headers]) == expected


def test_no_value_is_shown() -> None:
    assert repr(Jar("secret", "secret")) == "Jar()"
