"""What a browser keeps for us: single sign-on (OpenID Connect Core section 3.1.2.3), and what tells it from others."""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from satchel_jose.base64url import encode
from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import SID_CHARS, Browser, Login, Served, Session
from service.clients.registry import Registry
from service.config import Client
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Decision
from service.protocol.digests import client_digest, uri_digest
from service.protocol.errors import OAuthError
from service.protocol.revocation_check import RevocationCheck

MAX_SERVED = 25
"""Clients that a session remembers; the one served longest ago is forgotten first."""
MAX_COOKIE = 3800
"""Characters of a session cookie; browsers keep 4096 with its name and attributes."""
MAX_CLAIMS = 1000
"""Bytes of JSON of what only a login knows of a person."""


async def open_session(
    context: Context, browser_request: BrowserRequest, now: float, *, to_end: bool = False
) -> Session | None:
    """Return the session of the browser, unless there is none, or it has ended or been called back.

    One from before all that the memory knows may have been called back, and is good for nothing but `to_end` it.

    Raises:
        MemoryUnavailable
    """
    try:
        session = context.snapshot.open(browser_request.session, (Session,), now)
    except BadBag:
        return None
    check = RevocationCheck(session.jti, session.sid, "", session.login.sub, session.iat)
    stands = check.stands(await context.memory.get_many(check.ids))
    return session if stands and (to_end or session.iat >= context.memory.since(check.ids)) else None


def new_session(context: Context, login: Login, now: float) -> Session:
    """Return a session for who has just logged in; its id was nobody's before.

    Raises:
        OAuthError: server_error, for a person that a session cannot hold.
    """
    sid, iat, config = fresh_id()[:SID_CHARS], int(now), context.registry.config
    if not 0 < len(login.sub) <= 255 or context.registry.clients.find(login.sub) is not None:
        raise _unfit("a user has no id, too long an id, or that of a client")
    try:
        size = len(msgspec.json.encode(login.claims))
    except (TypeError, ValueError, OverflowError):
        raise _unfit("the claims of a user cannot be written as JSON") from None
    if size > MAX_CLAIMS:
        raise _unfit(f"the claims of a user have {size} bytes, more than {MAX_CLAIMS}")
    return Session(context.snapshot.issuer, fresh_id(), iat, iat + config.lifetimes.session, sid, login)


def record_grant(
    registry: Registry, session: Session, client: Client, granted: Iterable[str], resources: Iterable[str]
) -> Session:
    """Return `session` as it is once its person has granted these scopes at `resources` to `client`."""
    digest = client_digest(client.id)
    words = dict.fromkeys([*_granted(session, client), *_words(registry, granted, resources)])
    others = [served for served in session.served if served.client != digest]
    served = (*others, Served(digest, " ".join(words)))[-MAX_SERVED:]
    return msgspec.structs.replace(session, jti=fresh_id(), served=served)


def has_granted(
    registry: Registry, session: Session, client: Client, scopes: Iterable[str], resources: Iterable[str]
) -> bool:
    """Tell whether the person has granted `client` all these scopes at all these resources in this session."""
    return set(_words(registry, scopes, resources)) <= set(_granted(session, client))


def _granted(session: Session, client: Client) -> list[str]:
    digest = client_digest(client.id)
    return next((served.scope.split() for served in session.served if served.client == digest), [])


def _words(registry: Registry, scopes: Iterable[str], resources: Iterable[str]) -> list[str]:
    """Return what is written down of scopes: a word for each place where one means something.

    `read` at one resource is not `read` at another. A quotation mark, which no scope has, begins a digest of both;
    those that none of `resources` knows are OpenID Connect's, and stand for themselves.
    """
    audiences = [audience for name in resources if (audience := registry.audiences.get(name)) is not None]
    words = []
    for scope in scopes:
        places = [audience.identifier for audience in audiences if scope in audience.scopes]
        words += [_word(scope, place) for place in places] or [scope]
    return words


@lru_cache(4096)
def _word(scope: str, resource: str) -> str:
    return f'"{encode(uri_digest(f"{scope} {resource}")[:6]).decode("ascii")}'


def session_cookie(context: Context, session: Session, now: float) -> str:
    """Return the cookie of `session`, without the clients served longest ago where it would be too long.

    Raises:
        NoActiveKey
        OAuthError: server_error, where even so it is.
    """
    served = session.served
    while len(cookie := context.snapshot.seal(msgspec.structs.replace(session, served=served), now)) > MAX_COOKIE:
        if not served:
            raise _unfit("a login does not fit into a cookie")
        # The last one is kept as long as can be, without what was granted: it must be told of a logout.
        served = served[1:] if len(served) > 1 or not served[0].scope else (Served(served[0].client),)
    return cookie


def browser_of(context: Context, decision: Decision, browser_request: BrowserRequest, now: float) -> Browser:
    """Return what tells this browser from others; `decision` carries the cookie where it is new, or about to end.

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
    return browser


def _unfit(reason: str) -> OAuthError:
    return OAuthError("server_error", "internal error", reason=reason)
