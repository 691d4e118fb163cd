"""The templates: whatever people, clients and requests bring, a page stays the page that it is."""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.app import load
from service.config import Client, Config, ConfigError
from service.decisions.decision import FormPost
from service.decisions.pages import (
    ConsentPage,
    DeviceDonePage,
    DevicePage,
    ErrorPage,
    LoginPage,
    LogoutPage,
    SignedOutPage,
)
from service.web.contrast import LEGIBLE, contrast
from service.web.pages import TEMPLATES, Html, PageRenderer, readable
from tests.worlds.demo import DEMO

VOID = {"meta", "img", "input", "br", "link"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "</title></style><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}${7*7}",
    "javascript:alert(1)",
    "<!--",
    "]]>&lt;&#x3c;script&gt;",
    "\u202etxt.exe\u2066",
    "\x00\x0b\x7f",
    "a" * 5000,
]


class Element:
    """What a browser sees of an element: its name, attributes, and the text in it."""

    def __init__(self, name: str, attributes: dict[str, str | None]) -> None:
        self.name, self.attributes, self.text = name, attributes, ""


class Document(HTMLParser):
    """A page as its elements; it must be well formed."""

    def __init__(self, html: Html) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html.body.decode())
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.elements.append(Element(tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().name == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, name: str) -> Iterator[Element]:
        return (element for element in self.elements if element.name == name)

    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """The elements and their attributes' names."""
        return [(element.name, tuple(element.attributes)) for element in self.elements]


def config(tmp_path: Path, **pages: str) -> Config:
    file = tmp_path / "satchel.toml"
    file.write_text(DEMO)
    loaded = load(file, {"SATCHEL_STATE": str(tmp_path / "var")})
    return msgspec.structs.replace(loaded, pages=msgspec.structs.replace(loaded.pages, **pages))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> PageRenderer:
    return PageRenderer(config(tmp_path_factory.mktemp("pages")))


def samples(text: str, member: str = "member") -> list[Any]:
    """Every page, with `text` wherever it can come from outside."""
    client = Client(id="id", name=text)
    return [
        LoginPage(text, client, text, text),
        LoginPage(text, Client(id=text)),
        ConsentPage(text, client, text, ((text, text), (text, "title")), ((text, {"type": "t", member: text}),)),
        ConsentPage(text, client, text, (), ((text, {"type": "t", member: [text, {member: text}]}),), text),
        DevicePage(text, text, text),
        DeviceDonePage(True, client),
        DeviceDonePage(False, client),
        LogoutPage(text),
        SignedOutPage((text,)),
        SignedOutPage(),
        *[ErrorPage(error, text, text) for error in (text, "server_error", "temporarily_unavailable")],
        FormPost(text, {"state": text, member: text}),
    ]


PAGES = PageRenderer(Config(issuer="https://as.example.com"))
EVERY = range(len(samples("x")))


def test_every_page_is_among_them() -> None:
    assert {type(page) for page in samples("x")} == set(TEMPLATES)


@pytest.mark.parametrize("n", EVERY)
@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(pages: PageRenderer, n: int, text: str) -> None:
    document = Document(pages.render(samples(text, text[:100])[n]))
    assert document.shape() == Document(pages.render(samples("x")[n])).shape()
    scripts = [element.text for element in document.all("script")]
    assert scripts in ([], ["document.forms[0].submit()"])
    assert all(not name.startswith("on") for element in document.elements for name in element.attributes)


@given(st.text(min_size=1), st.integers(0, len(EVERY) - 1))
def test_any_text_stays_text(text: str, n: int) -> None:
    document = Document(PAGES.render(samples(text)[n]))
    assert document.shape() == Document(PAGES.render(samples("x")[n])).shape()


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_typed_comes_back_as_it_was(pages: PageRenderer, text: str) -> None:
    document = Document(pages.render(LoginPage(text, Client(id="id", name=text), text, text)))
    values = {element.attributes.get("name"): element.attributes.get("value") for element in document.all("input")}
    assert (values["ticket"], values["username"], values["password"]) == (text, text, None)
    assert [element.text for element in document.all("bdi")] == [text]


def test_fields_of_a_form_post(pages: PageRenderer) -> None:
    fields = {"code": "c", "state": "\"'<>&\n ", "iss": "https://as.example.com"}
    document = Document(pages.render(FormPost("https://client.example/cb?a=1&b=2", fields)))
    [form] = document.all("form")
    assert form.attributes == {"method": "post", "action": "https://client.example/cb?a=1&b=2"}
    inputs = list(document.all("input"))
    assert {field.attributes["type"] for field in inputs} == {"hidden"}
    assert {field.attributes["name"]: field.attributes["value"] for field in inputs} == fields
    assert [button.text for button in document.all("button")] == ["Continue"]


ACTIONS = {
    LoginPage: "/authorize/login",
    ConsentPage: "/authorize/consent",
    DevicePage: "/device",
    LogoutPage: "/logout/confirm",
}


@pytest.mark.parametrize("base", ["", "/tenant/one"])
def test_where_forms_go(tmp_path: Path, base: str) -> None:
    pages = PageRenderer(msgspec.structs.replace(config(tmp_path), issuer=f"https://as.example.com{base}"))
    for page in samples("x"):
        forms = list(Document(pages.render(page)).all("form"))
        assert all(form.attributes["method"] == "post" for form in forms)
        if type(page) in ACTIONS:
            assert [form.attributes["action"] for form in forms] == [base + ACTIONS[type(page)]]


@pytest.mark.parametrize("n", EVERY)
def test_for_whoever_cannot_see_it(pages: PageRenderer, n: int) -> None:
    document = Document(pages.render(samples("x")[n]))
    assert document.elements[0].attributes == {"lang": "en"}
    [title] = document.all("title")
    [heading] = document.all("h1")
    assert title.text == f"{heading.text} · Satchel"
    assert len(list(document.all("main"))) == 1
    labels = {label.attributes["for"] for label in document.all("label")}
    shown = [field for field in document.all("input") if field.attributes.get("type") != "hidden"]
    assert {field.attributes["id"] for field in shown} == labels
    assert all("autocomplete" in field.attributes for field in shown)
    assert sum("autofocus" in field.attributes for field in shown) == (1 if shown else 0)
    ids = [element.attributes["id"] for element in document.elements if "id" in element.attributes]
    assert len(set(ids)) == len(ids)
    described = {field.attributes.get("aria-describedby") for field in shown} - {None}
    assert described <= set(ids)
    alerts = [element for element in document.elements if element.attributes.get("role") == "alert"]
    assert len(alerts) == bool(getattr(samples("x")[n], "fault", ""))
    assert all(button.text.strip() for button in document.all("button"))


def test_what_a_password_manager_looks_for(pages: PageRenderer) -> None:
    document = Document(pages.render(LoginPage("t", Client(id="id"))))
    fields = {field.attributes["name"]: field.attributes for field in document.all("input")}
    assert fields["username"]["autocomplete"] == "username"
    assert (fields["password"]["type"], fields["password"]["autocomplete"]) == ("password", "current-password")


def test_a_client_without_a_name_goes_by_its_id(pages: PageRenderer) -> None:
    assert b"<bdi>id</bdi>" in pages.render(LoginPage("t", Client(id="id"))).body


def directives(html: Html) -> dict[str, str]:
    return dict(directive.split(" ", 1) for directive in html.policy.split("; "))


def hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@pytest.mark.parametrize("n", EVERY)
def test_the_policy_lets_in_exactly_what_is_there(pages: PageRenderer, n: int) -> None:
    html = pages.render(samples("x")[n])
    document, policy = Document(html), directives(html)
    [style] = document.all("style")
    scripts = [hashed(script.text) for script in document.all("script")]
    expected = {
        "default-src": "'none'",
        "style-src": hashed(style.text),
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert policy == (expected | {"script-src": scripts[0]} if scripts else expected)
    assert all("style" not in element.attributes for element in document.elements)


def test_a_logo(tmp_path: Path) -> None:
    pages = PageRenderer(
        config(tmp_path, logo="https://cdn.example.com:8443/logo;a,b.svg?x='none'", name='Mr. "Ex" & Co')
    )
    html = pages.render(LogoutPage("t"))
    [logo] = Document(html).all("img")
    assert logo.attributes["src"] == "https://cdn.example.com:8443/logo;a,b.svg?x='none'"
    assert logo.attributes["alt"] == 'Mr. "Ex" & Co'
    assert directives(html)["img-src"] == "https://cdn.example.com:8443"


@pytest.mark.parametrize("color", ["#1f5fbf", "#ffffff", "#000000", "#ffd400", "#7F7F7F"])
def test_a_color_of_the_operators(tmp_path: Path, color: str) -> None:
    [style] = Document(PageRenderer(config(tmp_path, color=color)).render(LogoutPage("t"))).all("style")
    light, _, dark = style.text.partition("prefers-color-scheme: dark")
    for part in (light, dark):
        said = dict(pair.strip().split(": ") for line in part.splitlines() for pair in line.split(";") if "--" in pair)
        assert contrast(said["--accent"], said["--card"]) >= LEGIBLE
        assert contrast(said["--on-accent"], said["--accent"]) >= LEGIBLE


def test_templates_of_the_operators_own(tmp_path: Path) -> None:
    brand = tmp_path / "brand"
    brand.mkdir()
    (brand / "logout.html").write_text(
        '{% extends "base.html" %}{% block title %}Bye?{% endblock %}'
        '{% block content %}<form action="{{ paths.logout }}"><b>{{ page.ticket }}</b></form>{% endblock %}'
    )
    (brand / "style.css").write_text("body { color: red }\r\n")
    pages = PageRenderer(config(tmp_path, templates=str(brand)))
    html = pages.render(LogoutPage("<t>"))
    assert [element.text for element in Document(html).all("b")] == ["<t>"]
    assert directives(html)["style-src"] == hashed("body { color: red }")
    assert b"Sign in" in pages.render(LoginPage("t", Client(id="id"))).body


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("login.html", "{% if %}"),
        ("login.html", "{{ page.nothing }}"),
        ("error.html", "{{ nothing }}"),
        ("style.css", "{{ light.nothing }}"),
        ("signed_out.html", '{% include "nothing.html" %}'),
        ("consent.html", "{{ page.scopes + 1 }}"),
        ("device.html", b"\xff"),
    ],
)
def test_a_template_that_cannot_be_shown_is_found_at_once(tmp_path: Path, name: str, text: str | bytes) -> None:
    brand = tmp_path / "brand"
    brand.mkdir()
    (brand / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    file = tmp_path / "satchel.toml"
    file.write_text(DEMO.replace("[memory]", '[pages]\ntemplates = "brand"\n\n[memory]'))
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    [problem] = caught.value.problems
    assert problem.path == "pages.templates"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("EUR", "EUR"),
        (["a", "b"], "a, b"),
        (12.5, "12.5"),
        (True, "true"),
        (None, "null"),
        ({"currency": "EUR"}, '{\n  "currency": "EUR"\n}'),
        ([1, "a"], '[\n  1,\n  "a"\n]'),
    ],
)
def test_what_a_member_looks_like(value: Any, expected: str) -> None:
    assert readable(value) == expected
