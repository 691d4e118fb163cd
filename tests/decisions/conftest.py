"""A service whose pages are visited, and a browser that has been there."""

from pathlib import Path

import pytest

from tests.worlds.built_in_pages import Browser, BuiltInPages, answered


@pytest.fixture
def service(tmp_path: Path) -> BuiltInPages:
    """The service."""
    return BuiltInPages(tmp_path / "service")


@pytest.fixture
def alice(service: BuiltInPages) -> Browser:
    """A browser in which alice has logged in and granted `openid read` to the client `web`, a minute ago."""
    browser = Browser(service)
    assert "code" in answered(browser.through())
    service.now += 60
    return browser
