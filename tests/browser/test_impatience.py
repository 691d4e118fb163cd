"""Several tabs at a time and impatient fingers, with a slow network: every answer takes 300 ms."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.person import Person
from tests.browser.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Come = Callable[..., Person]


def slow(page: Page) -> Page:
    """Make every answer that `page` waits for take 300 ms longer."""
    session = page.context.new_cdp_session(page)
    conditions = {"offline": False, "latency": 300, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", conditions)
    return page


def test_login_pages_that_are_opened_together(site: Site, person: Come) -> None:
    """A browser that opens its tabs again, or a portal: none of the requests has a cookie yet."""
    alice = person()
    tabs = [slow(alice.page), slow(alice.tab()), slow(alice.tab())]
    for n, tab in enumerate(tabs):
        url = site.authorize(("web", "second", "web")[n], state=f"tab {n}")
        tab.evaluate("url => { setTimeout(() => { location.href = url }) }", url)
    for tab in tabs:
        tab.get_by_role("heading", name="Sign in").wait_for()
    for n, alice.page in enumerate(tabs):
        alice.log_in()
        alice.page.get_by_role("heading", name="Allow access?").wait_for()
        assert not alice.page.get_by_role("alert").count(), n
    for n, alice.page in enumerate(tabs):
        alice.click("Allow")
        alice.page.wait_for_url("**/callback**")
        assert site.arrivals[-1].parameters["state"] == f"tab {n}"
        assert "code" in alice.arrive().parameters


def at_the_callback(page: Page) -> None:
    """Wait until the page is at the client. `wait_for_url` fails where a second click aborts the first navigation."""
    for _ in range(200):
        if "/callback" in page.url:
            return
        page.wait_for_timeout(50)
    raise AssertionError(page.url)


def test_a_double_click(site: Site, person: Come) -> None:
    """The browser drops the answer to the first click. The second must get a code too, which is the same."""
    alice = person()
    alice.open()
    slow(alice.page)
    alice.page.get_by_label("User name").fill("alice")
    alice.page.get_by_label("Password").fill("wonderland")
    alice.page.get_by_role("button", name="Sign in", exact=True).dblclick(delay=20)
    alice.page.get_by_role("heading", name="Allow access?").wait_for()
    alice.page.get_by_role("button", name="Allow", exact=True).dblclick(delay=20)
    at_the_callback(alice.page)
    assert site.redeem(alice.arrive())["id_token"]
    alice.open(prompt="login")  # what she has granted is not asked again, so this login ends at the client
    alice.page.get_by_label("User name").fill("alice")
    alice.page.get_by_label("Password").fill("wonderland")
    alice.page.get_by_role("button", name="Sign in", exact=True).dblclick(delay=20)
    at_the_callback(alice.page)
    assert site.redeem(alice.arrive())["id_token"]


def test_back_after_the_answer(site: Site, person: Come) -> None:
    """No step back asks to send a form again."""
    alice = person()
    alice.open()
    alice.log_in()
    alice.click("Allow")
    alice.arrive()
    alice.page.go_back()
    assert "start again from the app" in alice.page.inner_text("main")
    asked = site.device_code()
    alice.page.goto(asked["verification_uri_complete"])
    alice.click("Continue")
    assert alice.heading() == "Allow access?"
    alice.page.reload()
    alice.click("Allow")
    alice.page.go_back()
    assert "start again from the app" in alice.page.inner_text("main")
