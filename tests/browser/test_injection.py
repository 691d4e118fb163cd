"""HTML through everything that comes back to a browser (attacks 47 and 71): text stays text, and nothing runs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser

from tests.browser.person import Person
from tests.browser.site import HOSTILE, Site

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Come = Callable[..., Person]


@pytest.fixture
def alice(person: Come) -> Iterator[Person]:
    """Somebody in whose browser nothing runs, and nothing is there that we did not put there."""
    alice = person()
    yield alice
    clean(alice)


def clean(person: Person) -> None:
    assert person.page.locator("script, img, svg, iframe, object").count() == 0
    assert person.page.evaluate("window.hurt") is None
    assert person.complaints == []


def test_a_clients_name(alice: Person) -> None:
    alice.open("hostile")
    assert alice.page.locator("strong").inner_text() == HOSTILE
    clean(alice)
    alice.log_in()
    assert alice.page.locator(".lead strong").inner_text() == HOSTILE


def test_a_login_hint(alice: Person) -> None:
    alice.open(login_hint=HOSTILE)
    assert alice.page.get_by_label("User name").input_value() == HOSTILE


def test_a_user_name(alice: Person) -> None:
    alice.open()
    alice.log_in(HOSTILE, HOSTILE)
    assert alice.page.get_by_label("User name").input_value() == HOSTILE


def test_authorization_details(alice: Person) -> None:
    details = [{"type": "payment", "to": HOSTILE, "amount": {HOSTILE: [HOSTILE]}}]
    alice.open(authorization_details=json.dumps(details))
    alice.log_in()
    shown = alice.page.locator("dd")
    assert shown.nth(0).inner_text() == HOSTILE
    assert json.loads(shown.nth(1).inner_text()) == {HOSTILE: [HOSTILE]}


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_state(alice: Person, mode: str) -> None:
    alice.open(state=HOSTILE, response_mode=mode)
    alice.log_in()
    clean(alice)
    alice.click("Allow")
    alice.page.wait_for_url("**/callback**")
    assert alice.arrive().parameters["state"] == HOSTILE


def test_state_on_the_page_between(person: Come) -> None:
    alice = person(java_script_enabled=False)
    alice.open(state=HOSTILE, response_mode="form_post", prompt="none")
    fields = alice.page.locator("input")
    assert {field.get_attribute("name"): field.input_value() for field in fields.all()}["state"] == HOSTILE
    assert alice.page.locator("img").count() == 0
    assert alice.page.locator("script").count() == 1


PARAMETERS = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "prompt",
    "nonce",
    "ui_locales",
    "acr_values",
    "claims",
    "resource",
    "request",
    "request_uri",
    "code_challenge",
    "code_challenge_method",
    "id_token_hint",
    "authorization_details",
    "error",
    "error_description",
    HOSTILE,
]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter(alice: Person, name: str) -> None:
    alice.open(**{name: HOSTILE})
    if alice.page.url.startswith(alice.site.satchel.url):
        assert HOSTILE not in alice.page.inner_text("body")
        assert alice.heading() in ("Sign in", "This did not work")
    else:
        assert HOSTILE not in alice.arrive().parameters.values()


@pytest.mark.parametrize("uri", ["javascript:hurt=1", "data:text/html,<script>hurt=1</script>", "//evil.example"])
def test_a_redirect_uri(alice: Person, uri: str) -> None:
    for parameters in ({}, {"response_mode": "form_post"}, {"scope": "nothing"}, {"prompt": "none"}):
        alice.open(redirect_uri=uri, **parameters)
        assert alice.heading() == "This did not work"
        clean(alice)


PATHS = [
    "device?user_code=",
    "logout?state=",
    "logout?client_id=",
    "logout?client_id=web&post_logout_redirect_uri=",
    "logout?id_token_hint=",
    "authorize?resume=",
    "authorize/login?ticket=",
    "authorize/consent?",
    "logout/confirm?",
]


@pytest.mark.parametrize("path", PATHS)
def test_other_pages(alice: Person, path: str) -> None:
    alice.page.goto(f"{alice.site.satchel.url}/{path}{quote(HOSTILE)}")
    assert HOSTILE not in alice.page.inner_text("body")
    assert alice.heading()


def test_a_user_code(alice: Person) -> None:
    alice.page.goto(f"{alice.site.satchel.url}/device")
    alice.page.get_by_label("Code").fill(HOSTILE)
    alice.click("Continue")
    assert "wrong or has expired" in alice.page.get_by_role("alert").inner_text()


def test_the_policy_stops_what_a_template_lets_through(browser: Browser, tmp_path: Path) -> None:
    brand = tmp_path / "brand"
    brand.mkdir()
    (brand / "login.html").write_text(
        '{% extends "base.html" %}{% block title %}Careless{% endblock %}'
        "{% block content %}<div>{{ page.username | safe }}</div>{% endblock %}"
    )
    hostile = (
        "<script>hurt = 1</script><img src=x onerror='hurt = 2'><style>h1 { display: none }</style>"
        "<p style='display: none'>p</p><base href='//evil.example'><iframe src='/device'></iframe>"
    )
    with Site(tmp_path / "site", 'templates = "../brand"') as site:
        person = Person(browser, site)
        person.page.goto(f"{site.satchel.url}/authorize?{urlencode(site.request(login_hint=hostile))}")
        assert person.page.locator("main script").count() == 1  # it is there, and does nothing
        assert person.page.evaluate("window.hurt") is None
        assert person.page.get_by_role("heading").is_visible()
        assert person.page.get_by_text("p", exact=True).is_visible()
        assert person.page.evaluate("document.baseURI").startswith(site.satchel.url)
        refused = [complaint for complaint in person.complaints if "Content Security Policy" in complaint]
        assert len(refused) >= 5
        person.context.close()
