"""Fixtures: Debian's Chromium, without a head, and the sites that it looks at."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.person import Person
from tests.browser.site import Site
from tests.worlds import programs


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a module."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=programs.path("chromium"), args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A Satchel and a client's site."""
    with Site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def person(browser: Browser, site: Site) -> Iterator[Callable[..., Person]]:
    """People, each with a browser of their own, which has nothing to complain of in the end."""
    people: list[Person] = []

    def come(**context: Any) -> Person:
        people.append(Person(browser, site, **context))
        return people[-1]

    yield come
    complaints = [complaint for each in people for complaint in each.complaints]
    for each in people:
        each.context.close()
    assert complaints == []
