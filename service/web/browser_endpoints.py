"""The endpoints of browsers over HTTP: /authorize (RFC 6749 section 3.1) and the pages that people see.

Another site's page can make a browser POST here, but then the browser's Lax cookies stay away: a session does not
count at an authorization request that is posted across sites, and whoever posts one should know that it costs a login.
The pages' own forms are refused with an Origin that is not ours.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from service.config import Config
from service.decisions.authorize.consent import decide_consent
from service.decisions.authorize.decide import decide_authorization
from service.decisions.authorize.login import decide_login
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.device.page import decide_device, decide_device_code
from service.decisions.pages import ErrorPage
from service.decisions.session.logout import decide_logout, decide_logout_confirmed
from service.protocol.errors import OAuthError
from service.web.answer import PRIVATE, Answer, Headers, unexpected
from service.web.cookies import Cookies
from service.web.endpoint import Endpoint
from service.web.form_endpoints import allowed, check_form, single
from service.web.pages import PageRenderer
from service.web.proxies import TrustedProxies
from service.web.request_log import Line
from service.web.runtime import Runtime

Decide = Callable[[Context, BrowserRequest, float], Awaitable[Decision]]

_GUARD = {**PRIVATE, "X-Frame-Options": "DENY", "Cross-Origin-Resource-Policy": "same-origin"}
_GUARDED: Headers = [(name.lower().encode(), value.encode()) for name, value in _GUARD.items()]
_HTML = (b"content-type", b"text/html; charset=utf-8")
_NO_REFERRER = (b"referrer-policy", b"no-referrer")
_OWN_REFERRER = (b"referrer-policy", b"same-origin")  # with no-referrer, browsers post our forms with `Origin: null`


class BrowserRenderer:
    """What the endpoints of browsers have in common."""

    def __init__(self, runtime: Runtime) -> None:
        config = runtime.context.registry.config
        self.runtime = runtime
        self.pages = PageRenderer(config)
        self.cookies = Cookies(secure=config.issuer.startswith("https:"))
        self.proxies = TrustedProxies(config.proxies)
        self.origin = _origin(config)

    def render(self, decision: Decision, line: Line, method: str) -> Answer:
        """Return `decision` as a browser is to see it.

        Raises:
            ValueError: the decision is none for browsers, or its URL is not one.
        """
        cookies = self.cookies.fields(decision.session, decision.browser)
        if decision.action is Action.LOCATION:
            location = (b"location", _visible(decision.answer))
            return Answer(302 if method == "GET" else 303, [location, _NO_REFERRER, *_GUARDED, *cookies], b"")
        if decision.action is Action.FORM:
            return self._page(200, decision.answer, _NO_REFERRER, *cookies)
        if decision.action is Action.INTERACTION:
            return self._page(200, decision.answer, _OWN_REFERRER, *cookies)
        if decision.error is None:
            raise ValueError(decision.action)
        error = decision.error
        page = ErrorPage(error.code, error.description, line.id)
        if error.status == 503:
            cookies.append((b"retry-after", b"%d" % error.retry_after))
        return self._page(error.status if error.status >= 500 else 400, page, _NO_REFERRER, *cookies)

    def _page(self, status: int, page: Any, *fields: tuple[bytes, bytes]) -> Answer:
        html = self.pages.render(page)
        policy = (b"content-security-policy", html.policy.encode())
        return Answer(status, [_HTML, policy, *_GUARDED, *fields], html.body)


class BrowserEndpoint(Endpoint):
    """GET with a query, POST a form; `own` where only our own pages post."""

    def __init__(self, name: str, decisions: Mapping[str, Decide], front: BrowserRenderer, own: bool = False) -> None:
        self._name = name
        self._decisions = decisions
        self._front = front
        self._own = own

    async def answer(self, scope: dict[str, Any], body: bytes, line: Line) -> Answer:
        """Answer the request in `scope` with the whole `body`; `line` takes what is known of it."""
        line.endpoint = self._name
        method, front = scope["method"], self._front
        decide = self._decisions.get(method)
        if decide is None:
            error = OAuthError("invalid_request", "this address cannot be opened like that")
            answer = front.render(Decision(Action.OK).refuse(error), line, method)
            return Answer(405, [*answer.headers, allowed(self._decisions)], answer.body)
        try:
            decision = await decide(front.runtime.context, self._browser_request(scope, body), front.runtime.clock())
            answer = front.render(decision, line, method)
        except Exception as fault:
            refusal = fault if isinstance(fault, OAuthError) else unexpected(fault, line.id)
            decision = Decision(Action.OK).refuse(refusal)
            answer = front.render(decision, line, method)
        line.take(decision)
        return answer

    def _browser_request(self, scope: dict[str, Any], body: bytes) -> BrowserRequest:
        """Return what the browser brings.

        Raises:
            OAuthError: invalid_request.
        """
        front, headers = self._front, single(scope["headers"])
        parameters = scope["query_string"]
        if scope["method"] == "POST":
            check_form(headers.get(b"content-type", b""), parameters)
            if self._own and headers.get(b"origin", front.origin) != front.origin:
                raise OAuthError("invalid_request", "the form was sent from another site")
            parameters = body
        session, browser = front.cookies.read(scope["headers"])
        return BrowserRequest(parameters, session, browser, front.proxies.address(scope))


def _origin(config: Config) -> bytes:
    """Return the issuer's origin as browsers send it: without the default port."""
    url = urlsplit(config.issuer)
    default = {"https": ":443", "http": ":80"}[url.scheme]
    return f"{url.scheme}://{url.netloc.removesuffix(default).lower()}".encode()


def _visible(url: str) -> bytes:
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("a URL with characters that none has")
    return url.encode()


def browser_endpoints(runtime: Runtime) -> dict[str, BrowserEndpoint]:
    """Return the endpoints by path."""
    front, config = BrowserRenderer(runtime), runtime.context.registry.config
    base, paths = config.base_path, config.endpoints
    read: dict[str, Decide] = {"GET": decide_authorization, "POST": decide_authorization}
    return {
        base + paths.authorize: BrowserEndpoint("authorize", read, front),
        f"{base}{paths.authorize}/login": BrowserEndpoint("login", {"POST": decide_login}, front, own=True),
        f"{base}{paths.authorize}/consent": BrowserEndpoint("consent", {"POST": decide_consent}, front, own=True),
        base + paths.device: BrowserEndpoint(
            "device", {"GET": decide_device, "POST": decide_device_code}, front, own=True
        ),
        base + paths.logout: BrowserEndpoint("logout", {"GET": decide_logout, "POST": decide_logout}, front),
        f"{base}{paths.logout}/confirm": BrowserEndpoint(
            "logout_confirmed", {"POST": decide_logout_confirmed}, front, own=True
        ),
    }
