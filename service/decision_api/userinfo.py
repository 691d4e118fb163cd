"""/auth/userinfo and /auth/userinfo/issue, for the caller's userinfo endpoint (OpenID Connect Core section 5.3)."""

from typing import Any

from service.bags.errors import BadBag
from service.bags.kinds import AccessToken
from service.decision_api.answers import FAILURES, content
from service.decision_api.clients import ClientResponse, client_members
from service.decision_api.presenting import PresentedToken
from service.decision_api.wire import CallersFault, Message, Pair, Response, json_of, pairs
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.one_time import spend_all
from service.decisions.refusing import refusing
from service.decisions.resource_server.userinfo import (
    JWT_TYPE,
    claims_for,
    invalid_token,
    read_access_token,
    write_claims,
)
from service.protocol.challenge import challenge
from service.protocol.errors import OAuthError
from service.protocol.subject import owner, personal_claims


class UserInfoResponse(ClientResponse):
    """The person of the token, and the names of the claims that the client may have.

    `response_content` is the WWW-Authenticate header of a refusal.
    """

    subject: str | None = None
    scopes: list[str] | None = None
    claims: list[str] | None = None
    token: str | None = None
    properties: list[Pair] | None = None
    dpop_nonce: str | None = None

    def __repr__(self) -> str:
        return f"UserInfoResponse({self.action})"


class UserInfoIssueRequest(Message):
    """A token that /auth/userinfo has accepted; `claims` is a JSON object that replaces the service's own claims."""

    token: str | None = None
    claims: str | None = None
    sub: str | None = None

    def __repr__(self) -> str:
        return "UserInfoIssueRequest()"


async def userinfo(context: Context, request: PresentedToken, now: float) -> tuple[Decision, UserInfoResponse]:
    """Return the decision on a token that the caller's userinfo endpoint received.

    Raises:
        CallersFault
    """
    decision, form_request = Decision(Action.OK), request.form_request()
    members: dict[str, Any] = {}
    with refusing(decision):
        try:
            token, client, one_time_ids = read_access_token(decision, context, form_request, now)
            person = await claims_for(token, context, now)
            personal = personal_claims(token, context.snapshot, now)
            await spend_all(one_time_ids, context.memory)
        except BadBag as fault:
            raise invalid_token(fault.reason) from None
        members = {
            **client_members(client),
            "subject": owner(token, context.snapshot, now),
            "scopes": token.scope.split(),
            "claims": sorted(person.names) or None,
            "token": request.token,
            "properties": None if personal is None else pairs(personal.properties),
        }
    members["dpop_nonce"] = decision.dpop_nonce or None
    if decision.error is None:
        return decision, UserInfoResponse(**members, action="OK")
    action, header = _refused(decision, decision.error, dpop=bool(request.dpop))
    return decision, UserInfoResponse(**members, action=action, response_content=header)


async def issue_userinfo(context: Context, request: UserInfoIssueRequest, now: float) -> tuple[Decision, Response]:
    """Answer a request to the caller's userinfo endpoint; claims that the client may not have are left out.

    Raises:
        CallersFault
    """
    decision = Decision(Action.OK)
    claims = json_of("claims", request.claims)
    with refusing(decision):
        try:
            token = context.snapshot.open(request.token or "", (AccessToken,), now)
            client = context.registry.clients.find(token.client_id)
            if client is None:
                raise BadBag("the client is gone")
            person = await claims_for(token, context, now)
        except BadBag as fault:
            raise invalid_token(fault.reason) from None
        if request.sub not in (None, "", person.sub):
            raise CallersFault("sub must equal the token's sub or be absent")
        decision.client_id, decision.subject, decision.jti = client.id, token.sub, token.jti
        write_claims(decision, person._replace(known=claims) if request.claims else person, client, context, now)
    if decision.error is None:
        action = "JWT" if decision.media_type == JWT_TYPE else "JSON"
        return decision, Response(action=action, response_content=content(decision))
    action, header = _refused(decision, decision.error, dpop=False)
    return decision, Response(action=action, response_content=header)


def _refused(decision: Decision, error: OAuthError, *, dpop: bool) -> tuple[str, str]:
    """Return the action and the WWW-Authenticate header of a refusal."""
    if error.code in ("invalid_dpop_proof", "use_dpop_nonce"):
        return "UNAUTHORIZED", challenge(error, dpop=True)
    action = {401: "UNAUTHORIZED", 403: "FORBIDDEN"}.get(error.status) or FAILURES[decision.action]
    return action, challenge(error, dpop=dpop)
