"""What sessions hold, for how long, and that they fit into a cookie."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import Browser as BrowserBag
from service.bags.kinds import Login, Session, SessionClient
from service.config import Client
from service.decisions.browser_request import BrowserRequest
from service.decisions.decision import Action, Decision
from service.decisions.session.browser import MAX_PAGES, browser_of, check_browser
from service.decisions.session.session import (
    MAX_CLIENTS,
    MAX_COOKIE,
    has_granted,
    new_session,
    open_session,
    record_grant,
    session_cookie,
)
from service.protocol.errors import OAuthError
from tests.worlds.built_in_pages import Browser, BuiltInPages, answered
from tests.worlds.identifiers import API, SEALED, VAULT
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> BuiltInPages:
    return BuiltInPages(tmp_path_factory.mktemp("session"))


def client(n: int) -> Client:
    return Client(id=f"client {n}")


def of(service: BuiltInPages, **members: object) -> Session:
    return new_session(service.context, Login(**{"sub": "u-1", "auth_time": NOW, **members}), NOW)  # type: ignore[arg-type]


def kept(service: BuiltInPages, session: Session) -> Session:
    """What comes back out of the cookie."""
    cookie = session_cookie(service.context, session, NOW)
    assert len(cookie) <= MAX_COOKIE
    return service.opened(cookie, Session)


def test_it_remembers_whom_it_has_served(service: BuiltInPages) -> None:
    session = of(service)
    for n in range(MAX_CLIENTS):
        session = record_grant(service.context.registry, session, client(n), ["read", f"s{n}"], [])
    assert len(session.clients) == MAX_CLIENTS
    session = record_grant(service.context.registry, session, client(0), ["write"], [])
    assert has_granted(service.context.registry, session, client(0), ["write", "s0", "read"], [])
    assert not has_granted(service.context.registry, session, client(0), ["read", "s1"], [])
    session = record_grant(service.context.registry, session, client(99), ["read"], [])
    assert len(session.clients) == MAX_CLIENTS
    assert not has_granted(service.context.registry, session, client(1), ["read"], [])  # the one served longest ago
    assert has_granted(service.context.registry, session, client(2), ["read", "s2"], [])
    assert kept(service, session) == session


def test_what_was_granted_was_granted_somewhere(service: BuiltInPages) -> None:
    session = record_grant(service.context.registry, of(service), client(1), ["openid", "read"], [API, VAULT])
    assert has_granted(service.context.registry, session, client(1), ["read"], [API])
    assert has_granted(service.context.registry, session, client(1), ["read", "openid"], [VAULT, API])
    assert not has_granted(service.context.registry, session, client(1), ["read"], [API, SEALED])
    assert not has_granted(service.context.registry, session, client(1), ["read"], [])
    assert has_granted(service.context.registry, session, client(1), ["openid"], [SEALED])
    assert not has_granted(
        service.context.registry,
        record_grant(service.context.registry, of(service), client(1), ["read"], []),
        client(1),
        ["read"],
        [API],
    )
    assert kept(service, session) == session


def test_its_id_stays_as_it_is_renewed(service: BuiltInPages) -> None:
    session = of(service)
    served = record_grant(service.context.registry, session, client(1), ["read"], [])
    assert served.jti != session.jti
    assert msgspec.structs.replace(served, jti=session.jti, clients=()) == session


@pytest.mark.parametrize("size", [10, 100, 500, 2000, 5000])
@pytest.mark.parametrize("clients", [1, 2, 25])
def test_it_fits_into_a_cookie_however_much_is_granted(service: BuiltInPages, size: int, clients: int) -> None:
    session = of(service, claims={"bio": "b" * 900}, sub="u" * 255)
    for n in range(clients):
        session = record_grant(
            service.context.registry, session, client(n), ["s" * size], [API, VAULT] if size == 10 else []
        )
    back = kept(service, session)
    assert 1 <= len(back.clients) <= clients
    assert back.clients == session.clients[-len(back.clients) :] or back.clients == (
        SessionClient(session.clients[-1].client),
    )
    assert back.login == session.login


def test_a_login_that_does_not_fit_is_refused(service: BuiltInPages) -> None:
    session = of(service, acr="a" * 4000)
    with pytest.raises(OAuthError) as caught:
        session_cookie(service.context, session, NOW)
    assert caught.value.code == "server_error"


def test_from_before_a_loss_it_is_good_for_its_end_alone(tmp_path: Path) -> None:
    service = BuiltInPages(tmp_path)
    memory, session = watched(service), of(service)
    browser_request = BrowserRequest(b"", session_cookie(service.context, session, NOW))
    assert asyncio.run(open_session(service.context, browser_request, NOW)) == session
    memory.forgot_until = NOW + 1
    assert asyncio.run(open_session(service.context, browser_request, NOW)) is None
    assert asyncio.run(open_session(service.context, browser_request, NOW, to_end=True)) == session


# --- the other cookie


def browser_cookie(service: BuiltInPages, cookie: str, now: float) -> tuple[BrowserBag, str | None]:
    decision = Decision(Action.OK)
    bag = browser_of(service.context, decision, BrowserRequest(b"", browser=cookie), now)
    return bag, decision.browser


def test_a_browser_keeps_its_id(service: BuiltInPages) -> None:
    first, cookie = browser_cookie(service, "", NOW)
    assert cookie is not None
    assert browser_cookie(service, cookie, NOW + 100) == (first, None)


def test_it_is_renewed_before_a_ticket_could_outlive_it(service: BuiltInPages) -> None:
    first, cookie = browser_cookie(service, "", NOW)
    assert cookie is not None
    late = first.exp - service.config.lifetimes.login
    assert browser_cookie(service, cookie, late)[1] is None
    renewed, again = browser_cookie(service, cookie, late + 1)
    assert (renewed.jti, again is None) == (first.jti, False)
    assert renewed.exp > first.exp
    other, _ = browser_cookie(service, cookie, first.exp)
    assert other.jti != first.jti


def test_pages_that_a_new_browser_opens_together_have_an_id_each(service: BuiltInPages) -> None:
    """Each answer sets the browser id anew, so the last stays; the pages of the others must go on."""
    decisions = [Decision(Action.OK) for _ in range(3)]
    ids = [browser_of(service.context, decision, BrowserRequest(b""), NOW).jti for decision in decisions]
    cookies = BrowserRequest(b"", browser=decisions[0].browser or "", pages=tuple(each.page for each in decisions))
    for id in ids:
        check_browser(service.context, id, cookies, NOW)
    for id, pages in ((fresh_id(), cookies.pages), ("", ("", ".", "7.", "x"))):
        with pytest.raises(BadBag, match="another browser's page"):
            check_browser(service.context, id, cookies._replace(pages=pages), NOW)
    again = Decision(Action.OK)
    browser_of(service.context, again, cookies, NOW)
    assert (again.page, again.browser) == ("", None)


def test_the_number_of_page_cookies_is_bounded(service: BuiltInPages) -> None:
    pages = [f"{NOW - n}.{fresh_id()}" for n in range(MAX_PAGES + 2)]
    decision = Decision(Action.OK)
    browser_of(service.context, decision, BrowserRequest(b"", pages=(*pages, "no page")), NOW)
    assert set(decision.dropped_pages) == set(pages[-3:])  # the oldest; with the new one, MAX_PAGES are left


def test_another_kind_of_bag_is_no_browser(service: BuiltInPages) -> None:
    cookie = session_cookie(service.context, of(service), NOW)
    assert browser_cookie(service, cookie, NOW)[1] is not None
    assert browser_cookie(service, fresh_id(), NOW)[1] is not None


def test_the_cookies_of_a_whole_life_are_small(service: BuiltInPages) -> None:
    browser = Browser(service)
    assert "code" in answered(browser.through(scope="openid read write email"))
    assert len(browser.session) < 420
    assert len(browser.browser) < 300
