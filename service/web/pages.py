"""The built-in pages: templates and their Content-Security-Policy (CSP Level 3).

Only one page has a script, which submits a form to the client; that page works without the script too. The policy has
no `form-action`, because browsers apply it to the redirect after a form, which leads to the client.
"""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from service.config import Client, Config
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
from service.web.contrast import ink, legible

TEMPLATES: dict[type, str] = {
    LoginPage: "login.html",
    ConsentPage: "consent.html",
    DevicePage: "device.html",
    DeviceDonePage: "device_done.html",
    LogoutPage: "logout.html",
    SignedOutPage: "signed_out.html",
    ErrorPage: "error.html",
    FormPost: "form_post.html",
}

_BUILT_IN = Path(__file__).parent / "templates"
_CARDS = {"light": "#ffffff", "dark": "#181c23"}
_SCRIPT = "document.forms[0].submit()"


class Html(NamedTuple):
    """A page and its Content-Security-Policy."""

    body: bytes
    policy: str


class PageRenderer:
    """Renders pages with the name, logo, color and templates of the configuration.

    Raises:
        Exception: a template of the operator cannot be loaded; `page_problems` reports this at the start.
    """

    def __init__(self, config: Config) -> None:
        pages, base, paths = config.pages, config.base_path, config.endpoints
        environment = Environment(
            loader=FileSystemLoader([pages.templates or _BUILT_IN, _BUILT_IN]),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
        )
        environment.filters["readable"] = readable
        shades = {scheme: _shades(pages.color, card) for scheme, card in _CARDS.items()}
        style = environment.get_template("style.css").render(shades)
        self.paths = {
            "login": f"{base}{paths.authorize}/login",
            "consent": f"{base}{paths.authorize}/consent",
            "device": f"{base}{paths.device}",
            "logout": f"{base}{paths.logout}/confirm",
        }
        environment.globals |= {
            "name": pages.name,
            "logo": pages.logo,
            "style": Markup(style),  # noqa: S704 - from the templates and the configuration
            "script": Markup(_SCRIPT),  # noqa: S704
            "paths": self.paths,
        }
        self._templates = {kind: environment.get_template(name) for kind, name in TEMPLATES.items()}
        logo = urlsplit(pages.logo)
        pictures = f"; img-src {logo.scheme}://{logo.netloc}" if pages.logo else ""
        self._policy = (
            f"default-src 'none'; style-src {_hashed(style)}{pictures}; base-uri 'none'; frame-ancestors 'none'"
        )
        self._posting_policy = f"{self._policy}; script-src {_hashed(_SCRIPT)}"

    def render(self, page: Any) -> Html:
        """Return `page` as HTML: a page of service/decisions/pages.py or a FormPost."""
        policy = self._posting_policy if isinstance(page, FormPost) else self._policy
        return Html(self._templates[type(page)].render(page=page).encode(), policy)


def readable(value: Any) -> str:
    """Return the value of a member of authorization_details as text for people."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def page_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) if a template of `config` fails. Each page is rendered once with sample data."""
    if not config.pages.templates:
        return
    client = Client(id="client", name="Client")
    samples: tuple[Any, ...] = (
        LoginPage("ticket", client, "user", "fault"),
        ConsentPage("ticket", client, "user", (("scope", "title"),), (("title", {"type": "t"}),), "code"),
        DevicePage("check", "code", "fault"),
        DeviceDonePage(True, client),
        LogoutPage("ticket"),
        SignedOutPage(("client",)),
        ErrorPage("invalid_request", "description", "reference"),
        FormPost("https://client.example/", {"state": "state"}),
    )
    try:
        pages = PageRenderer(config)
        for sample in samples:
            pages.render(sample)
    except Exception as fault:  # a template is code of the operator and may raise anything
        yield "pages.templates", f"{type(fault).__name__}: {fault}"


def _shades(color: str, card: str) -> dict[str, str]:
    accent = legible(color, card)
    return {"card": card, "accent": accent, "on_accent": ink(accent), "button": color, "on_button": ink(color)}


def _hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
