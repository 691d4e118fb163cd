"""The decision on a request to /userinfo (OpenID Connect Core section 5.3, RFC 6750, RFC 9449 section 7)."""

from typing import Any, NamedTuple

import msgspec

from service.bags.errors import BadBag
from service.bags.kinds import AccessToken
from service.bags.snapshot import USERINFO_JWT
from service.clients.rights import token_today
from service.config import Client
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.form_request import FormRequest
from service.decisions.one_time import spend_all
from service.decisions.refusing import refusing
from service.decisions.resource_server.introspect import require_standing
from service.decisions.token.sender_constraint import prove_possession
from service.decisions.withdrawn import withdrawn
from service.protocol.claims import may_ask, of_scopes, select
from service.protocol.errors import OAuthError
from service.protocol.form import parse
from service.protocol.one_time_id import OneTimeId
from service.protocol.revocation_check import all_ids
from service.protocol.subject import personal_claims
from service.protocol.token_checks import checks_of

JWT_TYPE = "application/jwt"


async def decide_userinfo(context: Context, form_request: FormRequest, now: float) -> Decision:
    """Return the decision on a request to /userinfo at `now` (seconds since the epoch): claims, or a JWT of them.

    Every fault of the token gets the same invalid_token; the reason is in the log.
    """
    decision = Decision(Action.OK)
    with refusing(decision):
        try:
            token, client, one_time_ids = read_access_token(decision, context, form_request, now)
            write_claims(decision, await claims_for(token, context, now), client, context, now)
            await spend_all(one_time_ids, context.memory)
        except BadBag as fault:
            raise invalid_token(fault.reason) from None
    return decision


def invalid_token(reason: str) -> OAuthError:
    """Return the refusal of an access token; the description is the same for each reason, so that it reveals none."""
    description = "the access token is missing, wrong, expired or revoked, or its key was not proved; get a new one"
    return OAuthError("invalid_token", description, reason=reason)


def read_access_token(
    decision: Decision, context: Context, form_request: FormRequest, now: float
) -> tuple[AccessToken, Client, tuple[OneTimeId, ...]]:
    """Return the access token of a request, its client, and the ids to spend for the proof of its key.

    Raises:
        BadBag: there is no valid access token, or its key is not proved.
        OAuthError: invalid_request, invalid_dpop_proof, use_dpop_nonce.
    """
    scheme, text = _credentials(form_request)
    token = context.snapshot.open(text, (AccessToken,), now)
    client = context.registry.clients.find(token.client_id)
    decision.client_id, decision.subject, decision.jti = token.client_id, token.sub, token.jti
    if client is None or token.sub == token.client_id:
        raise BadBag("the client is gone, or the token has no person")
    if (scheme == "dpop") != ("jkt" in token.cnf):
        raise BadBag("DPoP scheme without a DPoP token, or the reverse")
    path = context.registry.config.endpoints.userinfo
    return token, client, prove_possession(decision, context, client, token, text, form_request, path, now)


def _credentials(form_request: FormRequest) -> tuple[str, str]:
    """Return the scheme in lower case and the access token; in a form it is a bearer token (RFC 6750 section 2.2)."""
    in_form = parse(form_request.body).get("access_token")
    if form_request.authorization is None:
        if in_form is None:
            raise BadBag("no access token")
        return "bearer", in_form
    if in_form is not None:
        raise OAuthError(
            "invalid_request", "send the access token in the Authorization header or in the form, not both"
        )
    scheme, _, text = form_request.authorization.partition(" ")
    if scheme.lower() not in ("bearer", "dpop"):
        raise BadBag("neither Bearer nor DPoP")
    return scheme.lower(), text


class PersonForClient(NamedTuple):
    """What a client may know of a person.

    sub: the subject identifier for the client.
    names: the names of the claims that the client may have.
    known: all claims of the person.
    """

    sub: str
    names: frozenset[str]
    known: dict[str, Any]


async def claims_for(token: AccessToken, context: Context, now: float) -> PersonForClient:
    """Return what the client may know of the person of `token`.

    Raises:
        BadBag: the token was revoked.
        OAuthError: insufficient_scope.
        MemoryUnavailable
    """
    token = token_today(token, context.registry)
    personal = personal_claims(token, context.snapshot, now)
    person = token.sub if personal is None else personal.sub
    checks = checks_of(token, context.snapshot, now)
    if withdrawn(checks, context):
        raise BadBag("the client or the user is gone")
    require_standing(checks, await context.memory.get_many(all_ids(checks)), context)
    scopes = token.scope.split()
    if "openid" not in scopes:
        raise OAuthError("insufficient_scope", "the access token must have the scope openid")
    if context.snapshot.issuer not in token.aud:  # RFC 9068 section 4
        raise BadBag("the token is for another audience")
    known = await context.ports.users.claims(person)
    if known is None:
        known = {} if personal is None else personal.claims
    names, client = of_scopes(scopes), context.registry.clients.find(token.client_id)
    if personal is not None and client is not None:
        names = names.union(may_ask(client, personal.names))
    return PersonForClient(token.sub, names, known)


def write_claims(decision: Decision, person: PersonForClient, client: Client, context: Context, now: float) -> None:
    """Write into `decision` the claims of `person` for `client`, or a JWT of the claims.

    Raises:
        NoActiveKey
    """
    claims = {"sub": person.sub, **select(person.known, person.names)}
    decision.answer = claims
    alg = client.userinfo_signed_response_alg
    if alg:
        payload = msgspec.json.encode({"iss": context.snapshot.issuer, "aud": client.id, "iat": int(now), **claims})
        decision.answer, decision.media_type = context.snapshot.sign_claims(USERINFO_JWT, payload, alg, now), JWT_TYPE
