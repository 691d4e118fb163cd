"""The endpoints for browsers: /authorize (RFC 6749 section 3.1), the pages, /device and /logout.

Another site can make a browser POST to /authorize. Browsers then send no Lax cookies, so the session is not used and
the user must log in again. Forms of the built-in pages are refused if their Origin is another site.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from service.config import Config
from service.decisions.authorize.consent import decide_consent, decide_consent_page
from service.decisions.authorize.decide import decide_authorization
from service.decisions.authorize.login import decide_login, decide_login_page
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.device.page import decide_device, decide_device_code
from service.decisions.pages import ConsentPage, ErrorPage, LoginPage
from service.decisions.session.logout import decide_logout, decide_logout_confirmed
from service.protocol.errors import OAuthError
from service.protocol.limits import MAX_URL
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
_OWN_REFERRER = (b"referrer-policy", b"same-origin")  # with no-referrer, browsers post the forms with `Origin: null`


class BrowserRenderer:
    """Renders decisions for browsers, and holds what all browser endpoints share: pages, cookies, proxies, origin."""

    def __init__(self, runtime: Runtime) -> None:
        config = runtime.context.registry.config
        self.runtime = runtime
        self.pages = PageRenderer(config)
        self.cookies = Cookies(config.issuer, config.lifetimes.login)
        self.proxies = TrustedProxies(config.proxies)
        self.origin = _origin(config)

    def render(self, decision: Decision, line: Line, method: str) -> Answer:
        """Return `decision` as a redirect or a page.

        Raises:
            ValueError: the decision has an action that browsers cannot get, or its URL is invalid.
        """
        cookies = self.cookies.fields(decision)
        if decision.action is Action.LOCATION:
            location = (b"location", _visible(decision.answer))
            return Answer(302 if method == "GET" else 303, [location, _NO_REFERRER, *_GUARDED, *cookies], b"")
        if decision.action is Action.FORM:
            return self._page(200, decision.answer, _NO_REFERRER, *cookies)
        address = self._address(decision.answer) if method == "POST" else ""
        if address:
            return self.see_other(address, *cookies)
        if decision.action is Action.INTERACTION:
            return self._page(200, decision.answer, _OWN_REFERRER, *cookies)
        if decision.error is None:
            raise ValueError(decision.action)
        error = decision.error
        page = ErrorPage(error.code, error.description, line.id)
        if error.status == 503:
            cookies.append((b"retry-after", b"%d" % error.retry_after))
        return self._page(error.status if error.status >= 500 else 400, page, _NO_REFERRER, *cookies)

    def see_other(self, address: str, *fields: tuple[bytes, bytes]) -> Answer:
        """Return a redirect of a form to a page of this service, which the browser gets with GET."""
        return Answer(303, [(b"location", _visible(address)), _OWN_REFERRER, *_GUARDED, *fields], b"")

    def _address(self, page: Any) -> str:
        """Return the address of a page that answers a form, so that going back does not send the form again."""
        if isinstance(page, ConsentPage):
            path = self.pages.paths["consent"]
        elif isinstance(page, LoginPage) and not page.fault:
            path = self.pages.paths["login"]
        else:
            return ""
        address = f"{path}?{urlencode({'ticket': page.ticket})}"
        return address if len(self.origin) + len(address) <= MAX_URL else ""

    def _page(self, status: int, page: Any, *fields: tuple[bytes, bytes]) -> Answer:
        html = self.pages.render(page)
        policy = (b"content-security-policy", html.policy.encode())
        return Answer(status, [_HTML, policy, *_GUARDED, *fields], html.body)


class BrowserEndpoint(Endpoint):
    """An endpoint that takes GET with a query or POST with a form.

    `decisions` maps each method to its decision. If `own` is true, forms from other sites are refused. `again` is the
    path of an endpoint where a form without a session cookie is repeated with GET: a form that another site posts comes
    without cookies, and the redirect brings them.
    """

    def __init__(
        self,
        name: str,
        decisions: Mapping[str, Decide],
        renderer: BrowserRenderer,
        own: bool = False,
        again: str = "",
    ) -> None:
        self._name = name
        self._decisions = decisions
        self._renderer = renderer
        self._own = own
        self._again = again

    async def answer(self, scope: dict[str, Any], body: bytes, line: Line) -> Answer:
        """Answer the request in `scope` (ASGI) with the whole `body`, and fill in `line` for the log."""
        line.endpoint = self._name
        method, renderer = scope["method"], self._renderer
        runtime = renderer.runtime
        decide = self._decisions.get(method)
        if decide is None:
            error = OAuthError(
                "invalid_request", f"this page does not support the method: use {' or '.join(self._decisions)}"
            )
            answer = renderer.render(Decision(Action.OK).refuse(error), line, method)
            return Answer(405, [*answer.headers, allowed(self._decisions)], answer.body)
        try:
            browser_request = self._browser_request(scope, body)
            if method == "POST" and self._again and not browser_request.session:
                address = f"{self._again}?{body.decode('latin-1')}"
                if len(renderer.origin) + len(address) <= MAX_URL and _is_visible(address):
                    return renderer.see_other(address)
            decision = await decide(runtime.context, browser_request, runtime.clock())
            answer = renderer.render(decision, line, method)
        except Exception as fault:
            refusal = fault if isinstance(fault, OAuthError) else unexpected(fault, line.id)
            decision = Decision(Action.OK).refuse(refusal)
            answer = renderer.render(decision, line, method)
        line.take(decision)
        return answer

    def _browser_request(self, scope: dict[str, Any], body: bytes) -> BrowserRequest:
        """Return the parameters, cookies and address of the request.

        Raises:
            OAuthError: invalid_request.
        """
        renderer, headers = self._renderer, single(scope["headers"])
        parameters = scope["query_string"]
        if scope["method"] == "POST":
            check_form(headers.get(b"content-type", b""), parameters)
            if self._own and headers.get(b"origin", renderer.origin) != renderer.origin:
                raise OAuthError("invalid_request", "this form was sent from another site")
            parameters = body
        session, browser, pages = renderer.cookies.read(scope["headers"])
        return BrowserRequest(parameters, session, browser, renderer.proxies.address(scope), pages)


def _origin(config: Config) -> bytes:
    """Return the origin of the issuer as browsers send it: without the default port."""
    url = urlsplit(config.issuer)
    default = {"https": ":443", "http": ":80"}[url.scheme]
    return f"{url.scheme}://{url.netloc.removesuffix(default).lower()}".encode()


def _is_visible(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


def _visible(url: str) -> bytes:
    if not _is_visible(url):
        raise ValueError("the redirect URL has characters that a URL cannot have")
    return url.encode()


def browser_endpoints(runtime: Runtime) -> dict[str, BrowserEndpoint]:
    """Return the browser endpoints by path."""
    renderer, config = BrowserRenderer(runtime), runtime.context.registry.config
    base, paths = config.base_path, config.endpoints
    authorize, logout = base + paths.authorize, base + paths.logout
    read: dict[str, Decide] = {"GET": decide_authorization, "POST": decide_authorization}
    login: dict[str, Decide] = {"GET": decide_login_page, "POST": decide_login}
    consent: dict[str, Decide] = {"GET": decide_consent_page, "POST": decide_consent}
    device: dict[str, Decide] = {"GET": decide_device, "POST": decide_device_code}
    ending: dict[str, Decide] = {"GET": decide_logout, "POST": decide_logout}
    confirmed: dict[str, Decide] = {"GET": decide_logout, "POST": decide_logout_confirmed}
    return {
        authorize: BrowserEndpoint("authorize", read, renderer),
        f"{authorize}/login": BrowserEndpoint("login", login, renderer, own=True),
        f"{authorize}/consent": BrowserEndpoint("consent", consent, renderer, own=True),
        base + paths.device: BrowserEndpoint("device", device, renderer, own=True),
        logout: BrowserEndpoint("logout", ending, renderer, again=logout),
        f"{logout}/confirm": BrowserEndpoint("logout_confirmed", confirmed, renderer, own=True),
    }
