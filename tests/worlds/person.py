"""A person with a browser that knows no JavaScript: reads pages, fills in forms, keeps cookies."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx


class Form(HTMLParser):
    """The first form of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form" and self.action is None:
            self.action, self._inside = given.get("action", ""), True
        elif tag == "input" and self._inside and "name" in given:
            self.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


class Person:
    """Goes where she is sent as long as that is one of `homes`, and stops at the first URL that is not.

    `transport` is how her requests get there, if not straight.
    """

    def __init__(
        self,
        *homes: str,
        name: str = "alice",
        password: str = "wonderland",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._homes = homes
        self._login = {"username": name, "password": password}
        self.client = httpx.Client(timeout=30, follow_redirects=False, transport=transport)
        self.page = ""
        self.url = ""

    def __enter__(self) -> "Person":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def browser_request(self, url: str) -> str:
        """Go to `url`; return where she ends up."""
        return self._follow(self.client.get(url))

    def submit(self, **fields: str) -> str:
        """Send the page's form with `fields` filled in; return where she ends up."""
        form = Form(self.page)
        assert form.action is not None, self.page
        return self._follow(self.client.post(urljoin(self.url, form.action), data={**form.fields, **fields}))

    def log_in(self) -> str:
        """Fill in name and password."""
        return self.submit(**self._login)

    def authorize(self, url: str) -> str:
        """Go through whatever pages `url` leads to, and say yes to all; return where she ends up."""
        self.browser_request(url)
        for _ in range(4):
            if not self.page:
                return self.url
            form = Form(self.page)
            if form.action is None or not urljoin(self.url, form.action).startswith(self._homes):
                return self.url
            if "username" in form.fields:
                self.log_in()
            elif "user_code" in form.fields:
                self.submit()
            else:
                self.submit(answer="allow")
        return self.url

    def _follow(self, answer: httpx.Response) -> str:
        while answer.is_redirect:
            self.url = urljoin(str(answer.url), answer.headers["location"])
            if not self.url.startswith(self._homes):
                self.page = ""
                return self.url
            answer = self.client.get(self.url)
        self.url, self.page = str(answer.url), answer.text
        return self.url

    def posted(self) -> dict[str, Any]:
        """What the page's form would post to another site (response mode form_post)."""
        form = Form(self.page)
        assert form.action is not None
        return {"action": form.action, **form.fields}
