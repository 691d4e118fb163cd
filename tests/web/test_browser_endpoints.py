"""What browsers are answered: headers, cookies, redirects, pages, and forms that come from elsewhere (attack 87)."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Action, Decision, FormPost
from service.decisions.pages import LoginPage, LogoutPage
from service.protocol.errors import OAuthError
from service.web.answer import Answer
from service.web.browser_endpoints import BrowserEndpoint, BrowserRenderer
from service.web.cookies import Cookies
from service.web.request_log import Line
from tests.worlds.demo import DEMO
from tests.worlds.satchel import Satchel

ISSUER = "https://as.example.com"
COOKIES = Cookies(ISSUER, 900)
FORM = [("Content-Type", "application/x-www-form-urlencoded")]
LOCATION = "https://client.example/cb?code=c&state=%3C%22"
GUARDED = {
    "cache-control": "no-store",
    "pragma": "no-cache",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}
Headers = list[tuple[str, str]]


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    toml = DEMO.replace('"http://127.0.0.1:{port}"\ndemo = true', f'"{ISSUER}"')
    return Satchel(tmp_path_factory.mktemp("front"), toml + '\n[proxies]\ntrusted = ["10.0.0.0/8"]\n')


class Said:
    """An endpoint that decides what it is told to, and keeps what it was asked."""

    def __init__(self, satchel: Satchel, decision: Decision | Exception, own: bool = False) -> None:
        self.visits: list[BrowserRequest] = []
        self.line = Line(0.0, "request-1", "", "")
        self._decision = decision
        decisions = {"GET": self._decide, "POST": self._decide}
        self._endpoint = BrowserEndpoint("said", decisions, BrowserRenderer(satchel.app.runtime), own)

    async def _decide(self, context: Context, browser_request: BrowserRequest, now: float) -> Decision:
        self.visits.append(browser_request)
        if isinstance(self._decision, Exception):
            raise self._decision
        return self._decision

    def ask(
        self, method: str = "GET", query: str = "", body: bytes = b"", headers: Headers | None = None, peer: str = "::1"
    ) -> Answer:
        """Send one request."""
        fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers or []]
        scope = {"method": method, "query_string": query.encode(), "headers": fields, "client": (peer, 40000)}
        return asyncio.run(self._endpoint.answer(scope, body, self.line))

    def post(self, body: bytes = b"a=b", *headers: tuple[str, str]) -> Answer:
        """Post a form."""
        return self.ask("POST", body=body, headers=[*FORM, *headers])


def fields(answer: Answer) -> dict[str, str]:
    """The headers, each of which is there once, but for cookies."""
    rest = [(name.decode(), value.decode()) for name, value in answer.headers if name != b"set-cookie"]
    assert len(dict(rest)) == len(rest)
    return dict(rest)


def cookies(answer: Answer) -> list[str]:
    return [value.decode() for name, value in answer.headers if name == b"set-cookie"]


DECISIONS = {
    "location": lambda: Decision(Action.LOCATION, LOCATION),
    "form": lambda: Decision(Action.FORM, FormPost("https://client.example/cb", {"code": "c"})),
    "page": lambda: Decision(Action.INTERACTION, LogoutPage("t")),
    "error": lambda: Decision(Action.OK).refuse(OAuthError("invalid_request", "no")),
    "fault": lambda: RuntimeError("secret"),
}


@pytest.mark.parametrize("kind", DECISIONS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_headers_of_every_answer(satchel: Satchel, kind: str, method: str) -> None:
    answer = Said(satchel, DECISIONS[kind]()).ask(method, headers=FORM)
    got = fields(answer)
    assert GUARDED.items() <= got.items()
    assert got["referrer-policy"] == ("same-origin" if kind == "page" else "no-referrer")
    assert ("content-security-policy" in got) is (kind != "location")
    assert got.get("content-type") == (None if kind == "location" else "text/html; charset=utf-8")
    assert not cookies(answer)


def test_a_redirect(satchel: Satchel) -> None:
    said = Said(satchel, Decision(Action.LOCATION, LOCATION, client_id="spa"))
    answer = said.ask()
    assert (answer.status, fields(answer)["location"], answer.body) == (302, LOCATION, b"")
    assert said.post().status == 303  # what was posted, a password perhaps, is not posted again
    assert (said.line.endpoint, said.line.client_id) == ("said", "spa")


def test_an_error_for_the_client(satchel: Satchel) -> None:
    decision = Decision(Action.OK).refuse(OAuthError("access_denied", "no"))
    decision.action, decision.answer = Action.LOCATION, LOCATION
    said = Said(satchel, decision)
    assert said.ask().status == 302
    assert said.line.error == "access_denied"


@pytest.mark.parametrize(
    "url", ["https://client.example/\r\nSet-Cookie: a=b", "https://client.example/ x", "https://é"]
)
def test_a_url_that_would_break_the_header(satchel: Satchel, url: str) -> None:
    answer = Said(satchel, Decision(Action.LOCATION, url)).ask()
    assert (answer.status, "location" in fields(answer)) == (500, False)


def test_a_form_for_the_client(satchel: Satchel) -> None:
    answer = Said(satchel, DECISIONS["form"]()).post()
    assert answer.status == 200
    assert b'action="https://client.example/cb"' in answer.body
    assert "script-src 'sha256-" in fields(answer)["content-security-policy"]


def test_a_page(satchel: Satchel) -> None:
    decision = Decision(Action.INTERACTION, LoginPage("the-ticket", satchel.config.clients[0], "alice"))
    answer = Said(satchel, decision).ask()
    assert answer.status == 200
    assert b"the-ticket" in answer.body
    policy = fields(answer)["content-security-policy"]
    assert "script-src" not in policy
    assert "form-action" not in policy


ERRORS = [
    ("invalid_request", 400),
    ("invalid_client", 400),
    ("unauthorized_client", 400),
    ("insufficient_scope", 400),
    ("server_error", 500),
    ("temporarily_unavailable", 503),
]


@pytest.mark.parametrize(("code", "status"), ERRORS)
def test_an_error_for_the_person(satchel: Satchel, code: Any, status: int) -> None:
    said = Said(satchel, Decision(Action.OK).refuse(OAuthError(code, "it's <wrong>", reason="secret", retry_after=7)))
    answer = said.ask()
    assert answer.status == status
    assert (code.encode() in answer.body, b"request-1" in answer.body) == (True, True)
    assert b"it&#39;s &lt;wrong&gt;" in answer.body
    assert b"secret" not in answer.body
    assert fields(answer).get("retry-after") == ("7" if status == 503 else None)
    assert "www-authenticate" not in fields(answer)
    assert (said.line.error, said.line.reason) == (code, "secret")


def test_a_fault_of_our_own(satchel: Satchel) -> None:
    said = Said(satchel, RuntimeError("a secret"))
    answer = said.ask()
    assert answer.status == 500
    assert b"RuntimeError" not in answer.body
    assert b"a secret" not in answer.body
    assert said.line.error == "server_error"
    assert b"a secret" not in b"".join(satchel.lines)


def test_a_decision_that_is_none_for_browsers(satchel: Satchel) -> None:
    assert Said(satchel, Decision(Action.OK, {"a": 1})).ask().status == 500


@pytest.mark.parametrize("kind", ["location", "form", "page", "error"])
def test_cookies_go_out_with_every_answer(satchel: Satchel, kind: str) -> None:
    decision = DECISIONS[kind]()
    decision.session, decision.browser = "s.1", ""
    attributes = "Path=/; HttpOnly; SameSite=Lax; Secure"
    assert cookies(Said(satchel, decision).ask()) == [
        f"{COOKIES.session}=s.1; {attributes}",
        f"{COOKIES.browser}=; {attributes}; Max-Age=0",
    ]


def test_what_a_visit_brings(satchel: Satchel) -> None:
    said = Said(satchel, DECISIONS["page"]())
    jar = ("Cookie", f"{COOKIES.session}=s; {COOKIES.browser}=b")
    said.ask(query="a=%41&a=b", headers=[jar, ("X-Forwarded-For", "203.0.113.7")], peer="10.0.0.1")
    said.ask("POST", body=b"c=d", headers=[jar, *FORM], peer="203.0.113.9")
    assert said.visits == [
        BrowserRequest(b"a=%41&a=b", "s", "b", "203.0.113.7"),
        BrowserRequest(b"c=d", "s", "b", "203.0.113.9"),
    ]


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", []),
        ("", [("Content-Type", "text/plain")]),
        ("", [("Content-Type", "multipart/form-data; boundary=x")]),
        ("", [("Content-Type", "application/json")]),
        ("", [*FORM, *FORM]),
        ("client_id=spa", FORM),  # attack 44: a query and a body
    ],
)
def test_a_post_that_is_no_form(satchel: Satchel, query: str, headers: Headers) -> None:
    said = Said(satchel, DECISIONS["location"]())
    answer = said.ask("POST", query, b"client_id=123456789", headers)
    assert (answer.status, said.visits) == (400, [])
    assert said.line.error == "invalid_request"


FOREIGN = ["null", "https://evil.example", "http://as.example.com", f"{ISSUER}:8443", f"{ISSUER}.evil.example", ""]


@pytest.mark.parametrize("origin", FOREIGN)
def test_our_forms_come_from_our_pages(satchel: Satchel, origin: str) -> None:
    said = Said(satchel, DECISIONS["location"](), own=True)
    answer = said.post(b"a=b", ("Origin", origin))
    assert (answer.status, said.visits) == (400, [])
    assert b"another site" in answer.body


def test_an_origin_of_ours_or_none(satchel: Satchel) -> None:
    said = Said(satchel, DECISIONS["location"](), own=True)
    assert said.post(b"a=b", ("Origin", ISSUER)).status == 303
    assert said.post(b"a=b").status == 303
    assert said.ask(headers=[("Origin", "https://client.example")]).status == 302


def test_two_origins(satchel: Satchel) -> None:
    said = Said(satchel, DECISIONS["location"](), own=True)
    assert said.post(b"a=b", ("Origin", ISSUER), ("Origin", "https://evil.example")).status == 400


def test_anybody_may_post_an_authorization_request(satchel: Satchel) -> None:
    said = Said(satchel, DECISIONS["location"]())
    assert said.post(b"a=b", ("Origin", "https://client.example")).status == 303


@pytest.mark.parametrize(
    ("issuer", "origin"),
    [
        ("https://AS.example.com:443/tenant", b"https://as.example.com"),
        ("https://as.example.com:8443", b"https://as.example.com:8443"),
        ("http://127.0.0.1:80", b"http://127.0.0.1"),
        ("http://[::1]:8000", b"http://[::1]:8000"),
    ],
)
def test_the_issuers_origin(make_satchel: Callable[[str], Satchel], issuer: str, origin: bytes) -> None:
    satchel = make_satchel(DEMO.replace('"http://127.0.0.1:{port}"\ndemo = true', f'"{issuer}"'))
    assert BrowserRenderer(satchel.app.runtime).origin == origin


METHODS = {
    "/authorize": ("GET", "POST"),
    "/authorize/login": ("GET", "POST"),
    "/authorize/consent": ("GET", "POST"),
    "/device": ("GET", "POST"),
    "/logout": ("GET", "POST"),
    "/logout/confirm": ("GET", "POST"),
}


@pytest.mark.parametrize("path", METHODS)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_methods(satchel: Satchel, path: str, method: str) -> None:
    answer = satchel.request(method, path, headers=FORM)
    assert answer.status != 404
    asked = "GET" if method == "HEAD" else method  # HEAD is served wherever GET is (RFC 9110 section 9.3.2)
    assert (answer.status == 405) is (asked not in METHODS[path])
    if answer.status == 405:
        assert answer.headers["allow"] == ", ".join(METHODS[path])
    assert GUARDED.items() <= answer.headers.items()
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    if (method, path) == ("POST", "/logout"):
        assert (answer.status, answer.headers["location"]) == (303, "/logout?")  # with GET, the cookies come along
    else:
        assert b"<h1>" in answer.body


@pytest.mark.parametrize("path", METHODS)
def test_nonsense_is_answered_with_a_page(satchel: Satchel, path: str) -> None:
    for query in ("%", "a=b&a=c", "client_id=%00", "client_id=<script>alert(1)</script>", "ticket=x&answer=y"):
        for answer in (satchel.get(f"{path}?{query}"), satchel.post(path, query)):
            if path == "/logout" and answer.status == 303:
                continue
            assert answer.status in (200, 400, 405)
            assert b"<h1>" in answer.body
            assert b"<script" not in answer.body


def test_the_issuers_path_comes_first(make_satchel: Callable[[str], Satchel]) -> None:
    satchel = make_satchel(DEMO.replace('"http://127.0.0.1:{port}"\ndemo = true', f'"{ISSUER}/tenant"'))
    page = satchel.get("/tenant/device")
    assert (page.status, b'action="/tenant/device"' in page.body) == (200, True)
    assert satchel.get("/device").status == 404


@pytest.mark.parametrize("forged", [{"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}])
def test_no_header_moves_us(satchel: Satchel, forged: dict[str, str]) -> None:
    answer = satchel.get("/device", {**forged, "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example"})
    assert answer.status == 200
    assert b"evil.example" not in answer.body
    assert answer.headers["set-cookie"].startswith(f"{COOKIES.browser}=")


def test_the_log_has_neither_query_nor_cookie(satchel: Satchel) -> None:
    satchel.lines.clear()
    satchel.get("/authorize?client_id=nobody&state=s3cret", {"Cookie": f"{COOKIES.session}=c00kie"})
    satchel.post("/authorize/login", {"ticket": "t1cket", "username": "alice", "password": "w0nderland"})
    written = b"".join(satchel.lines)
    assert [line["endpoint"] for line in satchel.log] == ["authorize", "login"]
    for secret in (b"s3cret", b"c00kie", b"t1cket", b"w0nderland"):
        assert secret not in written


def test_guesses_are_counted_by_the_address_that_a_trusted_proxy_tells(make_satchel: Callable[[str], Satchel]) -> None:
    limit = '[proxies]\ntrusted = ["10.0.0.1"]\n[login]\nfailures_per_address = 2\n'
    satchel = make_satchel(DEMO.replace("[memory]", f"{limit}[memory]"))
    page = satchel.get("/device")
    cookie = page.headers["set-cookie"].partition(";")[0]
    check = page.body.partition(b'name="check" value="')[2].partition(b'"')[0].decode()

    def guess(address: str) -> bool:
        form = {"user_code": "BBBB-BBBB", "check": check}
        headers = {"Cookie": cookie, "X-Forwarded-For": f"198.51.100.1, {address}"}
        answer = satchel.post("/device", form, headers, client="10.0.0.1")
        assert answer.status == 200
        return b"Too many" in answer.body

    # Two, and one more in 30 seconds.
    assert [guess("203.0.113.7") for _ in range(4)] == [False, False, False, True]
    assert not guess("203.0.113.8")
