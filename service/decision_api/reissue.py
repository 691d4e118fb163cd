"""/idtoken/reissue makes the ID token of a refresh in a call of its own (OpenID Connect Core section 12.2)."""

from service.bags.errors import BadBag
from service.bags.kinds import RefreshToken
from service.decision_api.tokens import resources_of
from service.decision_api.wire import CallersFault, Message, Response, json_of, text_of
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.issued_tokens import TokenAnswer
from service.decisions.refusing import refusing
from service.decisions.resource_server.introspect import find_token
from service.decisions.token.id_token import id_token
from service.decisions.token.person import find_person
from service.grants import GrantRequest
from service.grants.refresh_token import plan_for_token
from service.protocol.form import Form


class ReissueRequest(Message):
    """The two tokens of the last response of /auth/token; `claims` is a JSON object with the claims of the person."""

    access_token: str | None = None
    refresh_token: str | None = None
    sub: str | None = None
    claims: str | None = None

    def __repr__(self) -> str:
        return "ReissueRequest()"


class ReissueResponse(Response):
    """The ID token, and the complete response for the client."""

    id_token: str | None = None

    def __repr__(self) -> str:
        return f"ReissueResponse({self.action})"


async def reissue(context: Context, request: ReissueRequest, now: float) -> tuple[Decision, ReissueResponse]:
    """Make an ID token.

    Raises:
        CallersFault
    """
    decision, claims = Decision(Action.OK), json_of("claims", request.claims)
    with refusing(decision):
        try:
            access = await find_token(request.access_token or "", None, context, now)
            refresh = context.snapshot.open(request.refresh_token or "", (RefreshToken,), now)
        except BadBag as fault:
            raise CallersFault(f"accessToken or refreshToken is not valid: {fault.reason}") from None
        scopes = access.scope.split()
        if refresh.grant.family != access.family or "openid" not in scopes:
            raise CallersFault("send two tokens of one response whose scope includes openid")
        person = await find_person(refresh.grant, access.client_id, context)
        form = Form({"scope": access.scope}, {"resource": resources_of(access)})
        of = GrantRequest(
            form, person.client, refresh.grant.cnf, context.registry, context.snapshot, context.ports, now
        )
        plan = plan_for_token(refresh, of)
        if request.sub not in (None, "", person.sub):
            raise CallersFault("sub must equal the token's sub or be absent")
        person = person._replace(known={**person.known, **claims})
        if context.ports.customize is not None:
            plan = await context.ports.customize.id_token(plan)
        text = id_token(context, person, now, access_token=request.access_token or "", more=plan.id_claims)
        decision.client_id, decision.subject = access.client_id, access.sub
        answer = TokenAnswer(
            request.access_token or "",
            "DPoP" if "jkt" in access.cnf else "Bearer",
            access.exp - int(now),
            access.scope,
            request.refresh_token or "",
            id_token=text,
        )
        return decision, ReissueResponse(action="OK", id_token=text, response_content=text_of(answer))
    return decision, ReissueResponse(action="INTERNAL_SERVER_ERROR")
