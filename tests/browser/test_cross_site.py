"""Other sites and their pages: what they can make a browser send here, and what they see of it (attacks 73 and 85)."""

from collections.abc import Callable
from html import escape
from urllib.parse import urlencode

import pytest

from service.web.cookies import Cookies
from tests.browser.person import Person
from tests.browser.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Come = Callable[..., Person]


def form(url: str, fields: dict[str, str]) -> str:
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    return f'<form method="post" action="{url}">{inputs}</form>'


@pytest.fixture
def alice(person: Come) -> Person:
    """Somebody with a session."""
    alice = person()
    alice.open()
    alice.log_in()
    alice.click("Allow")
    alice.arrive()
    return alice


FORGED = [
    ("/authorize/login", {"ticket": "{ticket}", "username": "bob", "password": "wonderland"}),
    ("/authorize/consent", {"ticket": "{ticket}", "answer": "allow"}),
    ("/device", {"user_code": "BBBB-BBBB", "check": "x"}),
    ("/logout/confirm", {"ticket": "{ticket}"}),
]


@pytest.mark.parametrize(("path", "fields"), FORGED)
def test_a_form_of_another_site(alice: Person, path: str, fields: dict[str, str]) -> None:
    alice.open("second")
    ticket = alice.page.locator("[name=ticket]").input_value()
    sent = {name: value.format(ticket=ticket) for name, value in fields.items()}
    alice.page.goto(alice.site.lure(form(alice.site.satchel.url + path, sent)))
    alice.page.wait_for_url(alice.site.satchel.url + path)
    assert alice.heading() == "This did not work"
    assert "another site" in alice.page.inner_text("main")
    alice.open()
    alice.arrive()  # the session is as it was


def test_a_request_that_another_site_posts_costs_a_login(alice: Person) -> None:
    site = alice.site
    alice.page.goto(site.lure(form(f"{site.satchel.url}/authorize", site.request())))
    alice.page.get_by_role("heading", name="Sign in").wait_for()
    alice.log_in()
    assert "code" in alice.arrive().parameters  # what she granted in her session before stays granted


def test_a_link_of_another_site(alice: Person) -> None:
    site = alice.site
    alice.page.goto(
        site.lure(f'<a href="{site.satchel.url}/authorize?{urlencode(site.request())}">go</a>'.replace("&", "&amp;"))
    )
    alice.page.get_by_text("go").click()
    alice.page.wait_for_url("**/callback**")
    assert "code" in alice.arrive().parameters


@pytest.mark.parametrize("path", ["/authorize", "/device", "/logout"])
@pytest.mark.parametrize("place", ["home", "abroad"])
def test_no_page_is_framed(alice: Person, path: str, place: str) -> None:
    site = alice.site
    url = escape(f"{site.satchel.url}{path}?{urlencode(site.request('second'))}")
    lure = site.lure(f'<iframe src="{url}"></iframe>')
    alice.page.goto(lure.replace(site.abroad, getattr(site, place)))
    alice.page.wait_for_load_state("networkidle")
    [frame] = alice.page.frames[1:]
    assert frame.locator("form").count() == 0
    assert any("frame-ancestors" in complaint for complaint in alice.complaints)
    alice.complaints.clear()


def test_a_script_of_another_site_reads_nothing(alice: Person) -> None:
    site = alice.site
    alice.page.goto(site.lure(""))
    for path in ("/authorize?" + urlencode(site.request("second")), "/device", "/userinfo"):
        for options in ("{}", "{credentials: 'include'}"):
            script = f"url => fetch(url, {options}).then(() => 'read', () => 'refused')"
            assert alice.page.evaluate(script, site.satchel.url + path) == "refused"
    alice.complaints.clear()


def test_what_the_cookies_are(alice: Person) -> None:
    names = Cookies(alice.site.satchel.url, 900)
    kept = {cookie["name"]: cookie for cookie in alice.context.cookies()}
    page = next(name for name in kept if name.startswith(names.page))
    assert kept.keys() == {names.session, names.browser, page}
    for name, cookie in kept.items():
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
        assert (cookie["domain"], cookie["expires"] == -1) == ("127.0.0.1", name != page)
    alice.page.goto(f"{alice.site.satchel.url}/device")
    assert alice.page.evaluate("document.cookie") == ""


def test_a_session_is_not_what_it_was_before_the_login(person: Come, site: Site) -> None:
    alice = person()
    alice.open(prompt="login")
    session = Cookies(site.satchel.url, 900).session
    before = {cookie["name"]: cookie["value"] for cookie in alice.context.cookies()}
    assert session not in before
    alice.log_in()
    first = {cookie["name"]: cookie["value"] for cookie in alice.context.cookies()}[session]
    alice.open(prompt="login")
    alice.log_in()
    second = {cookie["name"]: cookie["value"] for cookie in alice.context.cookies()}[session]
    assert first != second
