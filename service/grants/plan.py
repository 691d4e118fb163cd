"""The input and the result of a grant: `GrantRequest` and `Plan`. A plan has no effect until it is settled."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from service.bags.kinds import AuthorizationCode, Grant, RefreshToken, Terms
from service.bags.snapshot import Snapshot
from service.clients.registry import Registry
from service.config import Client
from service.memory import Entry
from service.protocol.audience import Audience
from service.protocol.errors import ErrorCode
from service.protocol.form import Form
from service.protocol.one_time_id import OneTimeId
from service.protocol.ports import Ports
from service.protocol.revocation_check import RevocationCheck
from service.protocol.token_checks import Origin


class GrantRequest(NamedTuple):
    """A token request whose client is authenticated; `now` is in seconds since the epoch.

    `cnf` is the key that the request has proved: `jkt` (RFC 9449), `x5t#S256` (RFC 8705), both or neither.
    """

    form: Form
    client: Client
    cnf: dict[str, str]
    registry: Registry
    snapshot: Snapshot
    ports: Ports
    now: float


class Renewal(NamedTuple):
    """A refresh token to issue.

    grant: its content.
    until: expiry of the whole family, in seconds since the epoch.
    generation: its place in the family; the first refresh token has 0, and each rotation adds 1.
    uses: the instants at which the generations before it were used (RefreshToken.uses).
    """

    grant: Grant
    until: int
    generation: int = 0
    uses: tuple[int, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """What to read, what to spend, and which tokens to issue.

    subject, client_id, audiences, scopes: of the access token.
    requested: the scopes that the request named; the response has `scope` if they differ (RFC 6749 section 5.1).
    revocation_checks: the ids that must not be revoked.
    void: the error code of the refusal if one of them is revoked.
    one_time_ids: the ids to spend, before the code or refresh token is spent.
    redeems: the presented code or refresh token; it is spent last.
    rotates: a refresh token in `redeems` may have only one successor.
    renewal: the refresh token to issue beside the access token.
    family: the id of the authorization that the access token belongs to.
    repeatable: the plan depends on request, client and configuration only, so the same bytes give the same plan.
    not_after: latest expiry of the access token, in seconds since the epoch; 0 is no limit.
    cnf: the key that the access token is bound to.
    auth_time, acr, amr: the login of the subject; `auth_time` is in seconds since the epoch.
    act, may_act: the actor, and the only party that may become one (RFC 8693 sections 4.1 and 4.4).
    claims, id_claims: additional claims of the access token and of the ID token.
    person: the grant of the person that the ID token and /userinfo describe (OpenID Connect Core section 3.1.3.3).
    nonce: the nonce of the authentication request, for the ID token.
    personal: the sealed PersonalClaims of the subject token (token exchange).
    issued_token_type: the member of the response (RFC 8693 section 2.2.1).
    origin: the tokens that the new one comes from, by exchange.
    terms: what the caller of the decision API sets for the tokens.
    """

    subject: str
    client_id: str
    audiences: tuple[Audience, ...]
    scopes: tuple[str, ...]
    requested: tuple[str, ...] | None = None
    revocation_checks: tuple[RevocationCheck, ...] = ()
    void: ErrorCode = "invalid_grant"
    one_time_ids: tuple[OneTimeId, ...] = ()
    redeems: AuthorizationCode | RefreshToken | None = None
    rotates: bool = False
    renewal: Renewal | None = None
    family: str = ""
    repeatable: bool = False
    not_after: int = 0
    cnf: dict[str, str] = {}
    auth_time: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()
    act: dict[str, Any] | None = None
    may_act: dict[str, Any] | None = None
    authorization_details: list[dict[str, Any]] = []
    claims: dict[str, Any] = {}
    person: Grant | None = None
    nonce: str = ""
    personal: str = ""
    issued_token_type: str = ""
    terms: Terms | None = None
    id_claims: dict[str, Any] = {}
    origin: tuple[Origin, ...] = ()
    userinfo: bool = False


def person_of(grant: Grant, request: GrantRequest, scopes: tuple[str, ...]) -> Grant | None:
    """Return `grant` if tokens of `scopes` need its person, for an ID token or a pairwise `sub`; else None."""
    openid = request.registry.config.openid.enabled
    return grant if openid and ("openid" in scopes or request.client.subject_type == "pairwise") else None


def for_userinfo(grant: Grant, request: GrantRequest, scopes: tuple[str, ...]) -> bool:
    """Return whether a token of `scopes` is for /userinfo too: no request has named a resource in its place."""
    return "openid" in scopes and not grant.resource_named and not request.form.all("resource")


def refreshable(grant: Grant, client: Client) -> bool:
    """Tell whether `client` gets a refresh token; with `openid`, only with `offline_access` (Core section 11)."""
    scopes = grant.scope.split()
    return "refresh_token" in client.grants and ("openid" not in scopes or "offline_access" in scopes)


class Awaiting(NamedTuple):
    """A plan that depends on an entry of the memory (RFC 8628 section 3.4).

    slot: an id to spend first; it limits the polling rate.
    id: the id of the entry to read.
    plan: returns the plan for the entry (None if there is none), or raises OAuthError. Whoever can write to the memory
        can move entries, so `plan` checks that the entry was made for this request.
    memory: the identity of the memory that has the entry.
    """

    slot: OneTimeId
    id: str
    plan: Callable[[Entry | None], Plan]
    memory: str


GrantFunction = Callable[[GrantRequest], Awaitable[Plan | Awaiting]]
"""A grant. It changes nothing and awaits only the ports."""
