"""A service whose pages are visited, and a browser that has been there."""

from pathlib import Path

import pytest

from tests.decisions.visiting import Browser, Visiting, answered


@pytest.fixture
def service(tmp_path: Path) -> Visiting:
    """The service."""
    return Visiting(tmp_path / "service")


@pytest.fixture
def alice(service: Visiting) -> Browser:
    """A browser in which alice has logged in and granted `openid read` to the client `web`, a minute ago."""
    browser = Browser(service)
    assert "code" in answered(browser.through())
    service.now += 60
    return browser
