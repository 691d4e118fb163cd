"""The members of responses that describe tokens, made from a Decision (docs/decision-api.md)."""

from typing import Any

from service.bags.kinds import AccessToken
from service.client_auth import METHODS
from service.decision_api.clients import ClientResponse, client_members
from service.decision_api.wire import Details, Message, Pair, Scope, on_wire, pairs
from service.decisions.context import Context
from service.decisions.decision import Decision

_GRANT = "urn:ietf:params:oauth:grant-type:"
GRANT_TYPES = {
    "authorization_code": "AUTHORIZATION_CODE",
    "client_credentials": "CLIENT_CREDENTIALS",
    "password": "PASSWORD",
    "refresh_token": "REFRESH_TOKEN",
    f"{_GRANT}device_code": "DEVICE_CODE",
    f"{_GRANT}token-exchange": "TOKEN_EXCHANGE",
    f"{_GRANT}jwt-bearer": "JWT_BEARER",
}
AUTH_METHODS = {method.NAME: method.NAME.upper() for method in METHODS if method.NAME != "custom"}


class Tokens(ClientResponse):
    """Tokens and their content; instants are in milliseconds since the epoch, durations in seconds."""

    access_token: str | None = None
    access_token_expires_at: int = 0
    access_token_duration: int = 0
    refresh_token: str | None = None
    refresh_token_expires_at: int = 0
    refresh_token_duration: int = 0
    subject: str | None = None
    scopes: list[str] | None = None
    properties: list[Pair] | None = None
    jwt_access_token: str | None = None
    access_token_resources: list[str] | None = None
    authorization_details: Details | None = None
    refresh_token_scopes: list[str] | None = None


class TokenInfo(Message):
    """The verified content of a subject token or actor token; `expires_at` is in milliseconds since the epoch."""

    client_id: int | None = None
    client_id_alias: str | None = None
    client_id_alias_used: bool = False
    subject: str | None = None
    scopes: list[Scope] | None = None
    expires_at: int = 0
    properties: list[Pair] | None = None
    resources: list[str] | None = None
    authorization_details: Details | None = None


class TokenResponse(Tokens):
    """The response of /auth/token."""

    username: str | None = None
    password: str | None = None
    ticket: str | None = None
    id_token: str | None = None
    grant_type: str | None = None
    client_auth_method: str | None = None
    resources: list[str] | None = None
    audiences: list[str] | None = None
    requested_token_type: str | None = None
    subject_token: str | None = None
    subject_token_type: str | None = None
    subject_token_info: TokenInfo | None = None
    actor_token: str | None = None
    actor_token_type: str | None = None
    actor_token_info: TokenInfo | None = None
    assertion: str | None = None
    requested_id_token_claims: list[str] | None = None
    dpop_nonce: str | None = None

    def __repr__(self) -> str:
        return f"TokenResponse({self.action})"


def resources_of(token: AccessToken) -> list[str]:
    """Return the resources that `token` is for: its audiences but the issuer, which stands for /userinfo."""
    return [name for name in token.aud if name != token.iss]


def token_members(decision: Decision, context: Context) -> dict[str, Any]:
    """Return the members of Tokens that `decision` has."""
    members = client_members(context.registry.clients.find(decision.client_id))
    issued = decision.issued
    if issued is None:
        return members
    plan, answer, token, refresh = issued
    members |= {
        "access_token": answer.access_token,
        "access_token_expires_at": token.exp * 1000,
        "access_token_duration": token.exp - token.iat,
        "subject": None if plan.subject == plan.client_id else plan.subject,
        "scopes": list(plan.scopes),
        "properties": None if plan.terms is None else pairs(plan.terms.properties),
        "jwt_access_token": answer.access_token if decision.token_format == "jwt" else None,
        "access_token_resources": resources_of(token),
        "authorization_details": on_wire(plan.authorization_details),
    }
    if refresh is not None:
        members |= {
            "refresh_token": answer.refresh_token,
            "refresh_token_expires_at": refresh.exp * 1000,
            "refresh_token_duration": refresh.exp - refresh.iat,
            "refresh_token_scopes": refresh.grant.scope.split(),
        }
    return members


def request_members(decision: Decision) -> dict[str, Any]:
    """Return the members of TokenResponse that describe the request and its grant."""
    members: dict[str, Any] = {
        "grant_type": GRANT_TYPES.get(decision.grant_type),
        "client_auth_method": AUTH_METHODS.get(decision.auth_method),
        "dpop_nonce": decision.dpop_nonce or None,
    }
    issued = decision.issued
    if issued is not None:
        plan = issued.plan
        resources = () if plan.redeems is None else plan.redeems.grant.resources
        members |= {
            "id_token": issued.answer.id_token or None,
            "resources": list(resources or resources_of(issued.token)),
            "requested_id_token_claims": list(plan.person.asked[0]) if plan.person and plan.person.asked else None,
        }
    return members
