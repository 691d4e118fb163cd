"""`python -m tests.browser.pictures` writes docs/images/login.png and consent.png anew, from the pages as they are."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.person import Person
from tests.browser.site import Site
from tests.worlds import programs
from tests.worlds.demo import ROOT

IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 560, "height": 600}


def main() -> None:
    """Take them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, Site(Path(directory)) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=programs.path("chromium"), args=["--no-sandbox"])
        alice = Person(browser, site, viewport=SIZE, color_scheme="light")
        alice.open(scope="openid profile read write")
        alice.page.screenshot(path=IMAGES / "login.png")
        alice.log_in()
        alice.page.screenshot(path=IMAGES / "consent.png")
        browser.close()


if __name__ == "__main__":
    main()
