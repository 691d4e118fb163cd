"""The session of single sign-on, which is a cookie (OpenID Connect Core section 3.1.2.3)."""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from satchel_jose.base64url import encode
from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import SID_CHARS, Login, Session, SessionClient
from service.clients.registry import Registry
from service.config import Client
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.withdrawn import withdrawn
from service.protocol.digests import client_digest, uri_digest
from service.protocol.errors import OAuthError
from service.protocol.revocation_check import RevocationCheck

MAX_CLIENTS = 25
"""Maximum number of clients in a session; the one that was used longest ago is dropped first."""
MAX_COOKIE = 3800
"""Maximum length of a session cookie, in characters; browsers keep 4096 with the cookie's name and attributes."""
MAX_CLAIMS = 1000
"""Maximum length of the claims that come with a login, in bytes of JSON."""


async def open_session(
    context: Context, browser_request: BrowserRequest, now: float, *, to_end: bool = False
) -> Session | None:
    """Return the browser's session; None if there is none, or the session has ended or was revoked.

    A session that is older than the memory may have been revoked, so it is returned only with `to_end`.

    Raises:
        MemoryUnavailable
    """
    try:
        session = context.snapshot.open(browser_request.session, (Session,), now)
    except BadBag:
        return None
    check = RevocationCheck(session.jti, session.sid, "", session.login.sub, session.iat)
    if not to_end and withdrawn([check], context):
        return None
    stands = check.stands(await context.memory.get_many(check.ids))
    return session if stands and (to_end or session.iat >= context.memory.since(check.ids)) else None


def new_session(context: Context, login: Login, now: float) -> Session:
    """Return a session with a fresh id for a new login.

    Raises:
        OAuthError: server_error if the user's id or claims do not fit into a session.
    """
    sid, iat, config = fresh_id()[:SID_CHARS], int(now), context.registry.config
    if not context.registry.clients.can_be_user(login.sub):
        raise _internal_error("the user has no id, an id that is too long or not printable, or the id of a client")
    try:
        size = len(msgspec.json.encode(login.claims))
    except (TypeError, ValueError, OverflowError):
        raise _internal_error("the claims of a user cannot be written as JSON") from None
    if size > MAX_CLAIMS:
        raise _internal_error(f"the claims of a user have {size} bytes, more than {MAX_CLAIMS}")
    return Session(context.snapshot.issuer, fresh_id(), iat, iat + config.lifetimes.session, sid, login)


def record_grant(
    registry: Registry, session: Session, client: Client, granted: Iterable[str], resources: Iterable[str]
) -> Session:
    """Return `session` with a record that its person has granted `client` these scopes at `resources`."""
    digest = client_digest(client.id)
    entries = dict.fromkeys([*_granted(session, client), *_entries(registry, granted, resources)])
    others = [other for other in session.clients if other.client != digest]
    clients = (*others, SessionClient(digest, " ".join(entries)))[-MAX_CLIENTS:]
    return msgspec.structs.replace(session, jti=fresh_id(), clients=clients)


def has_granted(
    registry: Registry, session: Session, client: Client, scopes: Iterable[str], resources: Iterable[str]
) -> bool:
    """Tell whether the person has granted `client` all these scopes at all these resources in this session."""
    return set(_entries(registry, scopes, resources)) <= set(_granted(session, client))


def _granted(session: Session, client: Client) -> list[str]:
    digest = client_digest(client.id)
    return next((entry.scope.split() for entry in session.clients if entry.client == digest), [])


def _entries(registry: Registry, scopes: Iterable[str], resources: Iterable[str]) -> list[str]:
    """Return one entry for each (scope, resource) pair: `read` at one resource is not `read` at another.

    An entry is a quotation mark, which no scope has, and a digest of the pair. A scope of none of the `resources` is
    one of OpenID Connect; its entry is the scope itself.
    """
    audiences = [audience for name in resources if (audience := registry.audiences.get(name)) is not None]
    entries = []
    for scope in scopes:
        identifiers = [audience.identifier for audience in audiences if scope in audience.scopes]
        entries += [_entry(scope, identifier) for identifier in identifiers] or [scope]
    return entries


@lru_cache(4096)
def _entry(scope: str, resource: str) -> str:
    return f'"{encode(uri_digest(f"{scope} {resource}")[:6]).decode("ascii")}'


def session_cookie(context: Context, session: Session, now: float) -> str:
    """Return the cookie of `session`; if it would be too long, without the clients that were used longest ago.

    Raises:
        NoActiveKey
        OAuthError: server_error if it is too long even without clients.
    """
    clients = session.clients
    while len(cookie := context.snapshot.seal(msgspec.structs.replace(session, clients=clients), now)) > MAX_COOKIE:
        if not clients:
            raise _internal_error("the login does not fit into a cookie")
        # The last client is kept without its grants if possible, so that it gets a logout token.
        clients = clients[1:] if len(clients) > 1 or not clients[0].scope else (SessionClient(clients[0].client),)
    return cookie


def _internal_error(reason: str) -> OAuthError:
    return OAuthError("server_error", "internal error", reason=reason)
