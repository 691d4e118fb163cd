"""/auth/revocation, for the caller's revocation endpoint (RFC 7009), and /auth/token/revoke, for the caller itself."""

from service.bags.errors import BadBag
from service.bags.kinds import AccessToken, RefreshToken
from service.decision_api.answers import action_of, content
from service.decision_api.clients import find_client
from service.decision_api.wire import CallersFault, FromClient, Message, Response
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.refusing import refusing
from service.decisions.resource_server.revoke import decide_revocation, revoke, revoke_issued


class TokenRevokeRequest(Message):
    """What to revoke: a token by its text, or everything issued until now to a client or for a subject."""

    access_token_identifier: str | None = None
    refresh_token_identifier: str | None = None
    client_identifier: str | None = None
    subject: str | None = None

    def __repr__(self) -> str:
        return "TokenRevokeRequest()"


class TokenRevokeResponse(Response):
    """The number of revoked tokens; 0 for a client or a subject, where the number is not known."""

    count: int = 0


async def revocation(context: Context, request: FromClient, now: float) -> tuple[Decision, Response]:
    """Return the decision on a revocation request of a client.

    Raises:
        CallersFault
    """
    decision = await decide_revocation(context, request.form_request(), now)
    return decision, Response(action=action_of(decision), response_content=content(decision))


async def token_revoke(
    context: Context, request: TokenRevokeRequest, now: float
) -> tuple[Decision, TokenRevokeResponse]:
    """Revoke what the caller names.

    Raises:
        CallersFault: the request does not name exactly one thing, or the memory is `none`.
    """
    if context.memory.name == "none":
        raise CallersFault("nothing can be revoked: memory.kind is none")
    decision, count = Decision(Action.OK), 0
    texts = [text for text in (request.access_token_identifier, request.refresh_token_identifier) if text]
    if len([each for each in (*texts, request.client_identifier, request.subject) if each]) != 1:
        raise CallersFault("name exactly one: a token, a client or a subject")
    with refusing(decision):
        for text in texts:
            try:
                await revoke(context.snapshot.open(text, (AccessToken, RefreshToken), now), context)
                count = 1
            except BadBag as fault:
                decision.note = f"nothing to revoke: {fault.reason}"
        if not texts:
            client = find_client(context.registry, request.client_identifier) if request.client_identifier else None
            if request.client_identifier and client is None:
                raise CallersFault("clientIdentifier must be the number or id of a client")
            await revoke_issued(
                context.memory,
                context.registry.config,
                now,
                client="" if client is None else client.id,
                subject=request.subject or "",
                keys=context.snapshot.ring.keys,
            )
            decision.note = "everything issued until now is revoked; the number of tokens is not kept"
    return decision, TokenRevokeResponse(count=count)
