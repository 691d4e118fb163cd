"""/auth/token/create issues tokens for a subject that the caller names, to a client registered for the grant type."""

import msgspec

from satchel_jose.base64url import decode
from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import AuthorizationCode, Grant
from service.config import Client
from service.decision_api.answers import FAILURES, content
from service.decision_api.clients import ClientResponse, find_client
from service.decision_api.terms import TokenTermsRequest, apply_terms, terms_of
from service.decision_api.tokens import GRANT_TYPES, token_members
from service.decision_api.wire import CallersFault, Details, Pair, details_of
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.refusing import refusing
from service.decisions.token.decide import issue
from service.grants import GrantRequest, Plan
from service.grants.client_credentials import client_credentials
from service.grants.plan_for_code import plan_for
from service.protocol.audience import check_shareable
from service.protocol.authorization_details import check_details
from service.protocol.digests import client_digest
from service.protocol.errors import OAuthError
from service.protocol.form import Form

_GRANTS = {name: grant_type for grant_type, name in GRANT_TYPES.items() if name != "REFRESH_TOKEN"}
_WITHOUT_REFRESH = ("TOKEN_EXCHANGE", "JWT_BEARER")
"""Grant types without a refresh token (RFC 8693 section 2.2.1, RFC 7521 section 4.1)."""


class TokenCreateRequest(TokenTermsRequest):
    """The tokens to issue; `auth_time` is in seconds since the epoch."""

    grant_type: str | None = None
    client_id: int | str | None = None
    subject: str | None = None
    scopes: list[str] | None = None
    certificate_thumbprint: str | None = None
    dpop_key_thumbprint: str | None = None
    authorization_details: Details | None = None
    resources: list[str] | None = None
    acr: str | None = None
    auth_time: int | None = None


class TokenCreateResponse(ClientResponse):
    """The tokens; `expires_in` is in seconds, `expires_at` in milliseconds since the epoch."""

    grant_type: str | None = None
    subject: str | None = None
    scopes: list[str] | None = None
    access_token: str | None = None
    token_type: str | None = None
    expires_in: int = 0
    expires_at: int = 0
    refresh_token: str | None = None
    properties: list[Pair] | None = None
    jwt_access_token: str | None = None
    authorization_details: Details | None = None
    token_id: str | None = None
    refresh_token_scopes: list[str] | None = None

    def __repr__(self) -> str:
        return f"TokenCreateResponse({self.action})"


async def create(context: Context, request: TokenCreateRequest, now: float) -> tuple[Decision, TokenCreateResponse]:
    """Issue tokens.

    Raises:
        CallersFault
    """
    decision = Decision(Action.OK)
    grant_type = _GRANTS.get(request.grant_type or "")
    if grant_type is None:
        raise CallersFault(f"grantType must be one of {', '.join(_GRANTS)}")
    client = find_client(context.registry, request.client_id)
    if client is None:
        raise CallersFault("clientId must be the number or id of a client")
    terms, details = terms_of(request, context.registry.config), details_of(request.authorization_details) or []
    with refusing(decision):
        decision.client_id, decision.grant_type = client.id, grant_type
        if grant_type not in client.grants:
            raise OAuthError("unauthorized_client", "the client is not registered for this grant_type")
        plan = await _plan(context, client, request, details, now)
        await issue(decision, context, apply_terms(plan, terms), now)
    return decision, _response(decision, context, request)


async def _plan(
    context: Context, client: Client, request: TokenCreateRequest, details: list[dict[str, object]], now: float
) -> Plan:
    """Return the plan for the tokens, as if the subject had granted them.

    Raises:
        CallersFault
        OAuthError, MemoryUnavailable
    """
    registry, scope = context.registry, " ".join(request.scopes or ())
    thumbprints = {"jkt": request.dpop_key_thumbprint, "x5t#S256": request.certificate_thumbprint}
    cnf = {name: value for name, value in thumbprints.items() if value}
    if not all(map(_is_thumbprint, cnf.values())):
        raise CallersFault("a thumbprint must be a SHA-256 in base64url, of 43 characters")
    if client.dpop_bound_access_tokens and "jkt" not in cnf:
        raise OAuthError("invalid_dpop_proof", "the client must send a DPoP proof in the DPoP header")
    if client.tls_client_certificate_bound_access_tokens and "x5t#S256" not in cnf:
        raise OAuthError("invalid_request", "the client must present its TLS certificate")
    form = Form({"scope": scope} if scope else {}, {"resource": request.resources or []})
    of = GrantRequest(form, client, cnf, registry, context.snapshot, context.ports, now)
    if request.grant_type == "CLIENT_CREDENTIALS":
        return await client_credentials(of)
    subject = request.subject or ""
    if not registry.clients.can_be_user(subject):
        raise CallersFault("subject must have 1 to 255 printable ASCII characters and must not be the id of a client")
    if not 0 <= (request.auth_time or 0) <= now + registry.config.keys.skew:
        raise CallersFault("authTime must be in seconds since the epoch and not in the future")
    check_details(details, registry.detail_types, client.authorization_details_types)
    audiences, scopes, _ = registry.entitlements.consentable(client, form.all("resource"), form.get("scope"))
    check_shareable(audiences)
    grant = Grant(
        family=fresh_id(),
        client=client_digest(client.id),
        sub=subject,
        scope=" ".join(scopes),
        resources=tuple(audience.identifier for audience in audiences),
        resource_named=bool(request.resources),
        memory=context.memory.identity,
        auth_time=request.auth_time or 0,
        acr=request.acr or "",
        cnf=cnf,
        authorization_details=details,
    )
    code = AuthorizationCode(context.snapshot.issuer, fresh_id(), int(now), int(now) + 1, grant)
    plan = plan_for(code, of._replace(form=Form({}, {})))
    renewal = None if request.grant_type in _WITHOUT_REFRESH else plan.renewal
    return msgspec.structs.replace(plan, redeems=None, revocation_checks=(), renewal=renewal)


def _is_thumbprint(text: str) -> bool:
    """Return whether `text` is a SHA-256 as `cnf` has it (RFC 9449 section 6.1, RFC 8705 section 3.1)."""
    try:
        return len(decode(text.encode("ascii"))) == 32
    except (BadBag, UnicodeEncodeError):
        return False


def _response(decision: Decision, context: Context, request: TokenCreateRequest) -> TokenCreateResponse:
    error, issued = decision.error, decision.issued
    members = token_members(decision, context)
    kept = {name: value for name, value in members.items() if name in TokenCreateResponse.__struct_fields__}
    if issued is None:
        forbidden = error is not None and error.code == "unauthorized_client"
        action = "FORBIDDEN" if forbidden else FAILURES[decision.action]
        return TokenCreateResponse(**{**kept, "action": action, "response_content": content(decision)})
    return TokenCreateResponse(
        **kept,
        action="OK",
        grant_type=request.grant_type,
        token_type=issued.answer.token_type,
        expires_in=issued.answer.expires_in,
        expires_at=issued.token.exp * 1000,
        token_id=issued.token.jti,
    )
