"""The ids of a browser. A page is bound to one of them, so that no other browser can answer it (RFC 9700 section 4.7).

The browser id is a cookie. If a new browser opens several pages at the same time, each response sets another id, and
the browser keeps the last. So each of these pages also has a cookie of its own with its id, for as long as the page can
be answered.
"""

from hmac import compare_digest

from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import Browser
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Decision

MAX_PAGES = 32
"""Maximum number of page cookies that a browser keeps. Beyond it, the oldest is deleted first."""


def browser_of(context: Context, decision: Decision, browser_request: BrowserRequest, now: float) -> Browser:
    """Return the browser id. If the cookie is missing or about to expire, a new one is written into `decision`.

    Raises:
        NoActiveKey
    """
    lifetimes = context.registry.config.lifetimes
    iat, jti = int(now), ""
    try:
        browser = context.snapshot.open(browser_request.browser, (Browser,), now)
    except BadBag:
        pass
    else:
        if browser.exp >= iat + lifetimes.login:
            return browser
        jti = browser.jti
    browser = Browser(
        context.snapshot.issuer, jti or fresh_id(), iat, iat + max(lifetimes.session, 2 * lifetimes.login)
    )
    decision.browser = context.snapshot.seal(browser, now)
    if not jti:
        decision.page = f"{iat}.{browser.jti}"
        kept = sorted(filter(_id, browser_request.pages), key=_instant)
        decision.dropped_pages = tuple(kept[: max(0, len(kept) - MAX_PAGES + 1)])
    return browser


def check_browser(context: Context, id: str, browser_request: BrowserRequest, now: float) -> None:
    """Check that `id` is one of the ids of this browser.

    Raises:
        BadBag: it is not.
    """
    if any(compare_digest(id.encode(), _id(page).encode()) for page in browser_request.pages if _id(page)):
        return
    try:
        browser = context.snapshot.open(browser_request.browser, (Browser,), now)
    except BadBag as fault:
        raise BadBag(f"browser: {fault.reason}") from None
    if not compare_digest(id.encode(), browser.jti.encode()):
        raise BadBag("another browser's page")


def _id(page: str) -> str:
    return page.partition(".")[2]


def _instant(page: str) -> int:
    instant = page.partition(".")[0]
    return int(instant) if instant.isdecimal() and len(instant) < 15 else 0
