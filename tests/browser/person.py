"""Somebody in front of a real browser."""

from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser.site import Arrival, Site

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}


class Person:
    """One browser without a past; whatever it complains of, and every dialog, is kept in `complaints`."""

    def __init__(self, browser: Browser, site: Site, **context: Any) -> None:
        self.site = site
        self.context = browser.new_context(**{"viewport": DESK, **context})
        self.context.set_default_timeout(15_000)
        self.complaints: list[str] = []
        self.page = self.tab()

    def tab(self) -> Page:
        """Another tab of the same browser."""
        page = self.context.new_page()
        page.on("dialog", self._dismiss)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", self._hear)
        return page

    def _hear(self, said: Any) -> None:
        # The second is told to whoever types before the page has given the focus to a field: the tests are fast.
        if not any(words in said.text for words in ("the server responded with a status of 4", "Autofocus processing")):
            self.complaints.append(f"console: {said.text}")

    def _dismiss(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, client: str = "web", **parameters: str) -> None:
        """Begin at a client."""
        self.page.goto(self.site.authorize(client, **parameters))

    def log_in(self, name: str = "alice", password: str = "wonderland") -> None:
        """Fill in the login page."""
        self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.click("Sign in")

    def click(self, button: str) -> None:
        """Press a button and wait for what comes."""
        self.page.get_by_role("button", name=button, exact=True).click()
        self.page.wait_for_load_state()

    def heading(self) -> str:
        """The heading of the page."""
        return self.page.get_by_role("heading", level=1).inner_text()

    def arrive(self) -> Arrival:
        """What the client's site has been sent, now that the browser is there."""
        assert self.heading() == "Back at the client", self.page.content()
        return self.site.arrivals[-1]
