"""Whether everybody can read and use every page: WCAG 2.2, level AA, as far as a program can tell."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.person import DESK, PHONE, Person
from tests.browser.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Come = Callable[..., Person]

# Every text that is seen, with its contrast to what is behind it (1.4.3), and the least edge of each field (1.4.11).
CONTRASTS = """() => {
  const parse = color => (color.match(/[\\d.]+/g) || []).map(Number);
  const luminance = color => parse(color).slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, n) => sum + part * [0.2126, 0.7152, 0.0722][n], 0);
  const ratio = (one, two) => {
    const [light, dark] = [luminance(one), luminance(two)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const ground = element => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor, alpha = parse(color)[3];
      if (alpha === undefined || alpha === 1) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    const texts = [...element.childNodes].filter(node => node.nodeType === 3 && node.data.trim());
    if (texts.length && element.checkVisibility() && !["STYLE", "SCRIPT"].includes(element.tagName))
      found.push(["text", texts[0].data.trim(), ratio(style.color, ground(element))]);
    if (element.tagName === "INPUT" && element.type !== "hidden") {
      found.push(["typed", element.name, ratio(style.color, ground(element))]);
      found.push(["hint", element.name, ratio(getComputedStyle(element, "::placeholder").color, ground(element))]);
      found.push(["edge", element.name, ratio(style.borderTopColor, ground(element.parentElement))]);
    }
  }
  return found;
}"""

LOOKS = [{"color_scheme": scheme, "viewport": size} for scheme in ("light", "dark") for size in (DESK, PHONE)]


def walk(alice: Person, site: Site) -> Iterator[str]:
    """Go through the pages; the name of each as it is there."""
    alice.open()
    yield "login"
    alice.log_in(password="wrong")
    yield "fault"
    alice.open(scope="openid profile offline_access read write", authorization_details=PAYMENT)
    alice.log_in()
    yield "consent"
    asked = site.device_code()
    alice.page.goto(asked["verification_uri"])
    yield "device"
    alice.page.goto(asked["verification_uri_complete"])
    alice.click("Continue")
    yield "device consent"
    alice.click("Allow")
    yield "device done"
    alice.page.goto(f"{site.satchel.url}/logout")
    yield "logout"
    alice.click("Sign out")
    yield "signed out"
    alice.open("nobody")
    yield "error"
    alice.open("long", login_hint="m" * 300)
    yield "long words"
    alice.log_in()
    yield "long words consent"


PAYMENT = '[{"type": "payment", "amount": {"EUR": "123.50"}, "to": "Merchant"}]'


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_every_page(site: Site, person: Come, look: dict[str, Any]) -> None:
    alice, seen = person(**look), []
    for name in walk(alice, site):
        seen.append(name)
        for kind, text, ratio in alice.page.evaluate(CONTRASTS):
            assert ratio >= (3 if kind == "edge" else 4.5), (name, kind, text)
        width = alice.page.evaluate("document.documentElement.scrollWidth")
        assert width <= look["viewport"]["width"], name
        for button in alice.page.get_by_role("button").all():
            box = button.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 24, name  # 2.5.8
        for field in alice.page.locator("input:visible").all():
            field.focus()
            assert field.evaluate("element => parseFloat(getComputedStyle(element).outlineWidth)") >= 2, name
    assert len(seen) == 11


def test_dark_is_dark(person: Come) -> None:
    def ground(look: str) -> list[int]:
        alice = person(color_scheme=look)
        alice.open()
        color = alice.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return [int(part) for part in color[4:-1].split(",")]

    assert max(ground("dark")) < 64 < 192 < min(ground("light"))


def test_nothing_moves_for_whoever_wants_it_still(person: Come) -> None:
    alice = person(reduced_motion="reduce")
    alice.open()
    moving = "getComputedStyle(document.querySelector('button')).transitionDuration"
    assert alice.page.evaluate(moving) == "0s"


def test_twice_the_text_size(person: Come) -> None:
    alice = person(viewport={"width": 320, "height": 640})  # what 1280 pixels are at 400 % (1.4.10)
    alice.open()
    alice.log_in()
    assert alice.page.evaluate("document.documentElement.scrollWidth") <= 320
    assert alice.page.get_by_role("button", name="Deny", exact=True).is_visible()


def test_a_phone_at_twice_the_zoom(site: Site, person: Come) -> None:
    alice = person(viewport={"width": 195, "height": 422})  # 390 pixels at 200 %
    alice.open()
    alice.log_in()
    name = alice.page.get_by_text("Signed in as").bounding_box()
    card, switch = (alice.page.locator(each).bounding_box() for each in ("main", "button.plain"))
    assert name is not None and card is not None and switch is not None  # noqa: PT018
    assert name["width"] > 100  # not one letter a line
    assert switch["x"] + switch["width"] <= card["x"] + card["width"]
    alice.page.goto(site.device_code()["verification_uri_complete"])
    assert alice.page.get_by_label("Code").evaluate("field => field.scrollWidth <= field.clientWidth")
    assert "Does your device show this code?" in alice.page.inner_text("main")
