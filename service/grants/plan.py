"""What a grant reads and what it decides: nothing has happened yet when there is a plan."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from service.bags.kinds import AuthorizationCode, Grant, RefreshToken, Terms
from service.bags.snapshot import Snapshot
from service.clients.registry import Registry
from service.config import Client
from service.protocol.audience import Audience
from service.protocol.errors import ErrorCode
from service.protocol.form import Form
from service.protocol.one_time_id import OneTimeId
from service.protocol.ports import Ports
from service.protocol.revocation_check import RevocationCheck


class GrantRequest(NamedTuple):
    """A token request whose client is known; `now` is in seconds since the epoch.

    `cnf` is the sender constraint that this request has proved: `jkt` (RFC 9449), `x5t#S256` (RFC 8705), or nothing.
    """

    form: Form
    client: Client
    cnf: dict[str, str]
    registry: Registry
    snapshot: Snapshot
    ports: Ports
    now: float


class Renewal(NamedTuple):
    """A refresh token to be issued: what it carries, whose successor it is, and the family's last second."""

    grant: Grant
    until: int
    parent: str = ""


class Plan(msgspec.Struct, frozen=True):
    """What is to be read and spent, and the tokens that are then to be issued.

    subject, client_id, audiences, scopes: for whom, to whom, for which audiences, with what power.
    requested: the scopes that the request named; the answer repeats `scope` where it differs (RFC 6749 section 5.1).
    revocation_checks: what the token rests on and must not have been revoked.
    void: the error code where it has been.
    one_time_ids: ids to be spent, before the code or refresh token is.
    redeems: the code or refresh token that is presented; it is spent last.
    rotates: whether a refresh token in `redeems` has one successor only.
    renewal: the refresh token to be issued beside the access token.
    family: the authorization that the access token belongs to.
    act, may_act: who acts for the subject, and who alone may come to (RFC 8693 sections 4.1 and 4.4).
    repeatable: the plan rests on request, client and configuration alone: the same bytes give the same plan.
    person: the grant whose person an ID token and /userinfo speak of (OpenID Connect Core section 3.1.3.3);
    nonce: of the authentication request, for the ID token.
    personal: the sealed PersonalClaims of the token that the new one follows from.
    not_after: the access token expires by then (seconds since the epoch), however long its audience allows.
    terms: what the caller of the decision API has said of the tokens.
    claims, id_claims: what the access token and the ID token say beside what the service says.
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


def person_of(grant: Grant, request: GrantRequest, scopes: tuple[str, ...]) -> Grant | None:
    """Return `grant` where tokens of `scopes` speak of its person: in an ID token, or by a pseudonym."""
    openid = request.registry.config.openid.enabled
    return grant if openid and ("openid" in scopes or request.client.subject_type == "pairwise") else None


def refreshable(grant: Grant, client: Client) -> bool:
    """Tell whether refresh tokens go with `grant`; with OpenID Connect they must be asked for (Core section 11)."""
    scopes = grant.scope.split()
    return "refresh_token" in client.grants and ("openid" not in scopes or "offline_access" in scopes)


class Awaiting(NamedTuple):
    """What a grant answers that must read before it can plan (RFC 8628 section 3.4).

    `slot` is spent first, so that nobody asks too often; then `plan` is given what stands under `id` in the memory of
    the identity `memory`, and raises OAuthError or answers.
    """

    slot: OneTimeId
    id: str
    plan: Callable[[bytes | None], Plan]
    memory: str


GrantFunction = Callable[[GrantRequest], Awaitable[Plan | Awaiting]]
"""A grant: it changes nothing, and awaits nothing but the ports."""
