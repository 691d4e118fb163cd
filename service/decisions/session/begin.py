"""The session after a login (OpenID Connect Core section 3.1.2.3): the person's own goes on, another person's ends."""

import msgspec

from service.bags.kinds import Login, Session
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.session.backchannel import logout_tokens, send_logout_tokens
from service.decisions.session.end import revoke_session
from service.decisions.session.session import new_session, open_session
from service.protocol.revocation_check import state_id


async def begin_session(
    context: Context, browser_request: BrowserRequest, login: Login, now: float, *, sid: str = "", during: str = ""
) -> Session:
    """Return the session of this browser after `login`, at `now` (seconds since the epoch).

    The same person keeps the id of the session and its clients. The session of another person ends, and its
    clients are told in the background. `sid` is the id of a new session, unless a
    session with this id has ended. If `during` is the id of the present session,
    the person did not log in anew, and the session ends when it would have ended.

    Raises:
        OAuthError: server_error if the user's id or claims do not fit into a session.
        MemoryUnavailable, MemoryFull, NoActiveKey
    """
    fresh = new_session(context, login, now)
    if sid and (await context.memory.get_many([state_id(sid)]))[0] is None:
        fresh = msgspec.structs.replace(fresh, sid=sid)
    former = await open_session(context, browser_request, now)
    if former is not None and former.login.sub == login.sub:
        kept = former if former.sid == during else fresh
        return msgspec.structs.replace(kept, jti=fresh.jti, sid=former.sid, login=login, clients=former.clients)
    former = former or await open_session(context, browser_request, now, to_end=True)
    if former is not None:
        tokens = logout_tokens(context, former, now)
        await revoke_session(context, former.sid, former.exp, former.login.sub, browser_request.address)
        send_logout_tokens(context, tokens)
    return fresh
