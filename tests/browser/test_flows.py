"""The whole way of a person in a real browser: login, consent, denial, single sign-on, a device, logout."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from tests.browser.person import DESK, PHONE, Person
from tests.browser.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Come = Callable[..., Person]

LOOKS = [
    {"color_scheme": scheme, "viewport": size, "java_script_enabled": script}
    for scheme in ("light", "dark")
    for size in (DESK, PHONE)
    for script in (True, False)
]
SCRIPTS = [{"java_script_enabled": script} for script in (True, False)]


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_login_and_consent(site: Site, person: Come, look: dict[str, Any]) -> None:
    alice = person(**look)
    alice.open(nonce="n-1")
    assert alice.heading() == "Sign in"
    assert "Reservations" in alice.page.inner_text("main")
    alice.log_in()
    assert alice.heading() == "Allow access?"
    said = alice.page.inner_text("main")
    assert "Alice Liddell" in said
    assert "See your reservations" in said
    alice.click("Allow")
    arrival = alice.arrive()
    assert arrival.parameters.keys() == {"code", "state", "iss"}
    assert (arrival.parameters["state"], arrival.parameters["iss"]) == ("a state", site.satchel.url)
    assert "referer" not in arrival.headers
    tokens = site.redeem(arrival)
    claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["aud"], claims["nonce"]) == ("alice", "web", "n-1")


@pytest.mark.parametrize("look", SCRIPTS, ids=str)
def test_a_wrong_password(person: Come, look: dict[str, Any]) -> None:
    alice = person(**look)
    alice.open()
    alice.log_in(password="looking-glass")
    assert alice.heading() == "Sign in"
    assert alice.page.get_by_role("alert").inner_text() == "The user name or the password is wrong."
    assert alice.page.get_by_label("User name").input_value() == "alice"
    assert alice.page.get_by_label("Password").input_value() == ""
    alice.log_in()
    assert alice.heading() == "Allow access?"


@pytest.mark.parametrize("look", SCRIPTS, ids=str)
def test_denial(person: Come, look: dict[str, Any]) -> None:
    alice = person(**look)
    alice.open()
    alice.log_in()
    alice.click("Deny")
    parameters = alice.arrive().parameters
    assert (parameters["error"], parameters["state"]) == ("access_denied", "a state")
    assert "code" not in parameters


def test_single_sign_on(site: Site, person: Come) -> None:
    alice = person()
    alice.open()
    alice.log_in()
    alice.click("Allow")
    first = alice.arrive()
    alice.open()  # the same client again: nothing is asked
    again = alice.arrive()
    assert again is not first
    assert site.redeem(again)["access_token"]
    alice.open("second")  # another client: no password, but consent
    assert alice.heading() == "Allow access?"
    assert "Calendar" in alice.page.inner_text("main")
    alice.click("Allow")
    assert "code" in alice.arrive().parameters
    alice.open("second", prompt="none")
    assert "code" in alice.arrive().parameters
    alice.open(prompt="login")
    assert alice.heading() == "Sign in"


def test_nobody_is_there(person: Come) -> None:
    nobody = person()
    nobody.open(prompt="none")
    assert nobody.arrive().parameters["error"] == "login_required"


def test_somebody_else(site: Site, person: Come) -> None:
    alice = person()
    alice.open()
    alice.log_in()
    alice.click("Not you?")
    assert alice.heading() == "Sign in"
    alice.log_in("bob")
    assert "bob" in alice.page.inner_text("main")
    alice.click("Allow")
    token = site.redeem(alice.arrive())["id_token"]
    assert jwt.decode(token, options={"verify_signature": False})["sub"] == "bob"


@pytest.mark.parametrize("look", SCRIPTS, ids=str)
def test_an_answer_by_form_post(site: Site, person: Come, look: dict[str, Any]) -> None:
    alice = person(**look)
    state = "\"'<>&; ü%0d%0a"
    alice.open(response_mode="form_post", state=state)
    alice.log_in()
    alice.click("Allow")
    if look["java_script_enabled"]:
        alice.page.wait_for_url("**/callback")
    else:
        assert alice.heading() == "One moment"
        alice.click("Continue")
    arrival = alice.arrive()
    assert (arrival.method, arrival.parameters["state"]) == ("POST", state)
    assert site.redeem(arrival)["id_token"]


def test_the_same_answer_twice(site: Site, person: Come) -> None:
    alice = person()
    alice.open()
    alice.log_in()
    form = {"ticket": alice.page.locator("[name=ticket]").input_value(), "answer": "allow"}
    alice.click("Allow")
    alice.arrive()
    arrival = site.arrivals[-1]
    alice.page.go_back()  # no form is sent again
    assert alice.heading() == "This did not work"
    assert "start again from the app" in alice.page.inner_text("main")
    consent = f"{site.satchel.url}/authorize/consent"
    again = alice.context.request.post(consent, form={**form, "answer": "deny"}, max_redirects=0)
    assert again.status == 400
    assert "start again from the app" in again.text()
    assert site.redeem(arrival)["id_token"]


def test_another_browsers_page(site: Site, person: Come) -> None:
    alice, mallory = person(), person()
    mallory.open()
    ticket = mallory.page.locator("[name=ticket]").input_value()
    alice.open()
    alice.page.locator("[name=ticket]").evaluate("(field, value) => { field.value = value }", ticket)
    alice.log_in()
    assert alice.heading() == "This did not work"
    assert not [cookie for cookie in alice.context.cookies() if "session" in cookie["name"]]


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_a_device(site: Site, person: Come, look: dict[str, Any]) -> None:
    asked, complete = site.device_code(), look["color_scheme"] == "light"
    alice = person(**look)
    alice.page.goto(asked["verification_uri_complete" if complete else "verification_uri"])
    assert alice.heading() == "Connect a device"
    if not complete:
        alice.page.get_by_label("Code").fill(asked["user_code"].lower().replace("-", " "))
    alice.click("Continue")
    alice.log_in()
    assert alice.heading() == "Allow access?"
    said = alice.page.inner_text("main")
    assert asked["user_code"] in said
    assert "Living room TV" in said
    alice.click("Allow")
    assert alice.heading() == "Your device is connected"
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "client_id": "tv",
        "device_code": asked["device_code"],
    }
    answer = site.satchel.post("/token", form, {"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status, answer.json().get("scope", "read")) == (200, "read")


def test_a_device_that_is_denied(site: Site, person: Come) -> None:
    asked = site.device_code()
    alice = person()
    alice.page.goto(asked["verification_uri"])
    alice.page.get_by_label("Code").fill("BBBB-BBBB")
    alice.click("Continue")
    assert "wrong or has expired" in alice.page.get_by_role("alert").inner_text()
    alice.page.get_by_label("Code").fill(asked["user_code"])
    alice.click("Continue")
    alice.log_in()
    alice.click("Deny")
    assert alice.heading() == "Your device is not connected"
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "client_id": "tv",
        "device_code": asked["device_code"],
    }
    answer = site.satchel.post("/token", form, {"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status, answer.json()["error"]) == (400, "access_denied")


@pytest.mark.parametrize("look", SCRIPTS, ids=str)
def test_logout(site: Site, person: Come, look: dict[str, Any]) -> None:
    alice = person(**look)
    alice.open()
    alice.log_in()
    alice.click("Allow")
    alice.arrive()
    alice.page.goto(f"{site.satchel.url}/logout")
    assert alice.heading() == "Sign out?"
    alice.click("Sign out")
    assert alice.heading() == "You are signed out"
    assert not [cookie for cookie in alice.context.cookies() if "session" in cookie["name"]]
    alice.open()
    assert alice.heading() == "Sign in"


def test_logout_at_the_clients_wish(site: Site, person: Come) -> None:
    alice = person()
    alice.open()
    alice.log_in()
    alice.click("Allow")
    hint = site.redeem(alice.arrive())["id_token"]
    alice.page.goto(f"{site.satchel.url}/logout?id_token_hint={hint}&state=x&post_logout_redirect_uri={site.home}/bye")
    arrival = alice.arrive()
    assert (arrival.path, arrival.parameters) == ("/bye", {"state": "x"})
    alice.open()
    assert alice.heading() == "Sign in"


def test_with_the_keyboard_alone(person: Come) -> None:
    alice = person()
    alice.open()
    keyboard = alice.page.keyboard
    alice.page.locator("input[name=username]:focus").wait_for()  # nobody has clicked
    keyboard.type("alice")
    keyboard.press("Tab")
    keyboard.type("wonderland")
    keyboard.press("Enter")
    alice.page.get_by_text("Allow access?").wait_for()
    for name in ("Not you?", "Allow", "Deny"):
        keyboard.press("Tab")
        focused = alice.page.locator("button:focus-visible")
        assert focused.inner_text() == name
        assert focused.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    keyboard.press("Shift+Tab")
    keyboard.press("Enter")
    alice.page.wait_for_url("**/callback**")
    assert "code" in alice.arrive().parameters


def test_userinfo_for_the_token(site: Site, person: Come) -> None:
    alice = person()
    alice.open(scope="openid profile")
    alice.log_in()
    alice.click("Allow")
    token = site.redeem(alice.arrive())["access_token"]
    answer = site.satchel.get("/userinfo", {"Authorization": f"Bearer {token}"})
    assert answer.json() == {"sub": "alice", "name": "Alice Liddell"}
