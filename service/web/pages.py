"""The built-in pages: templates, and the policy that browsers show them under (Content Security Policy Level 3).

No page needs a script, and one has a script: that which posts a form to a client. There is no `form-action`: browsers
apply it to the redirect after a form too, and that leads to the client.
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
    """A page, and its Content-Security-Policy."""

    body: bytes
    policy: str


class PageRenderer:
    """Renders pages as the configuration wants them.

    Raises:
        Exception: a template of the operator's cannot be had (`page_problems` says so before).
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
        environment.globals |= {
            "name": pages.name,
            "logo": pages.logo,
            "style": Markup(style),  # noqa: S704 - the operator's own
            "script": Markup(_SCRIPT),  # noqa: S704
            "paths": {
                "login": f"{base}{paths.authorize}/login",
                "consent": f"{base}{paths.authorize}/consent",
                "device": f"{base}{paths.device}",
                "logout": f"{base}{paths.logout}/confirm",
            },
        }
        self._templates = {kind: environment.get_template(name) for kind, name in TEMPLATES.items()}
        logo = urlsplit(pages.logo)
        pictures = f"; img-src {logo.scheme}://{logo.netloc}" if pages.logo else ""
        self._policy = (
            f"default-src 'none'; style-src {_hashed(style)}{pictures}; base-uri 'none'; frame-ancestors 'none'"
        )
        self._posting_policy = f"{self._policy}; script-src {_hashed(_SCRIPT)}"

    def render(self, page: Any) -> Html:
        """Return one of the pages of service/decisions/pages.py, or a FormPost, as HTML."""
        policy = self._posting_policy if isinstance(page, FormPost) else self._policy
        return Html(self._templates[type(page)].render(page=page).encode(), policy)


def readable(value: Any) -> str:
    """Return a member of authorization_details as people can read it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def page_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the templates of `config`, as (path, message): each page is rendered once."""
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
    except Exception as fault:  # a template is a program of the operator's
        yield "pages.templates", f"{type(fault).__name__}: {fault}"


def _shades(color: str, card: str) -> dict[str, str]:
    accent = legible(color, card)
    return {"card": card, "accent": accent, "on_accent": ink(accent)}


def _hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
