"""The hook `decide`: the operator decides a token request (RFC 6749 section 3.2), with the help of `TokenRequest`."""

from typing import Any

import msgspec

from service.bags.ids import fresh_id
from service.bags.kinds import AuthorizationCode, Grant
from service.grants import GRANTS, GrantFunction, GrantRequest, Plan
from service.grants.authorization_code import check_pkce, open_code
from service.grants.plan import Awaiting
from service.grants.plan_for_code import plan_for
from service.hooks.guard import Hook
from service.hooks.plans import check_plan
from service.protocol.claims import of_scopes, select
from service.protocol.digests import client_digest
from service.protocol.errors import OAuthError
from service.protocol.pkce import check_verifier
from service.protocol.ports import User


class TokenRequest:
    """A token request. The client is authenticated; `cnf` is the key that it has demonstrated, if it sent a proof.

    `now` is in seconds since the epoch. The methods change nothing: the service spends codes and issues tokens after
    `decide` has returned a plan.
    """

    def __init__(self, request: GrantRequest, grant_type: str) -> None:
        self.grant_type = grant_type
        self.form = request.form
        self.client = request.client
        self.cnf = request.cnf
        self.now = request.now
        self._request = request

    async def judge(self) -> Plan | Awaiting:
        """Return the plan that the service makes without the hook.

        In the device flow the result is not yet a Plan (service/grants/plan.py); `decide` returns it unchanged.

        Raises:
            OAuthError: the service refuses the request.
        """
        return await GRANTS[self.grant_type](self._request)

    def open_code(self) -> AuthorizationCode:
        """Return the contents of the authorization code in the request; its `grant` says who granted what.

        Raises:
            OAuthError: invalid_grant: the code is invalid, expired or was issued to another client; invalid_request.
        """
        return open_code(self._request)

    def verify_pkce(self, challenge: bytes) -> None:
        """Check the code_verifier of the request against the 32 octets of an S256 challenge.

        With an empty challenge, the request must have no code_verifier.

        Raises:
            OAuthError: invalid_grant.
        """
        check_verifier(challenge, self.form.get("code_verifier"))

    def redeem(self, code: AuthorizationCode, **members: Any) -> Plan:
        """Return the plan for all tokens of `code`. PKCE is always verified.

        `members` replace members of the plan. `claims` and `id_claims` add claims to the access token and the ID token.

        Raises:
            OAuthError: invalid_grant, invalid_target, invalid_scope, invalid_authorization_details.
        """
        check_pkce(code, self._request)
        return msgspec.structs.replace(plan_for(code, self._request), **members)

    def mint(self, user: User | None = None, *, scope: str | None = None, **members: Any) -> Plan:
        """Return a plan of tokens for `user`, or for the client itself if there is no user.

        Scopes and resources are limited to those of the client. `scope` replaces the scope of the request. A user also
        gets an ID token if the scopes include `openid`, and a refresh token if the client may have one. `members`
        replace members of the plan.

        Raises:
            OAuthError: invalid_scope; invalid_target; unauthorized_client: a public client asks for tokens of its own;
                server_error: the user has the id of a client.
        """
        request, client, registry = self._request, self.client, self._request.registry
        resources, scope = self.form.all("resource"), self.form.get("scope") if scope is None else scope
        if user is None:
            if client.public:
                raise OAuthError("unauthorized_client", "only a confidential client can get a token for itself")
            audiences, scopes, _ = registry.entitlements.of(client, resources, scope)
            return msgspec.structs.replace(Plan(client.id, client.id, audiences, scopes, cnf=self.cnf), **members)
        if not registry.clients.can_be_user(user.sub):
            raise OAuthError(
                "server_error",
                "internal error",
                reason="the user has no id, an id that is too long or not printable, or the id of a client",
            )
        now = int(self.now)
        audiences, scopes, _ = registry.entitlements.consentable(client, resources, scope)
        grant = Grant(
            family=fresh_id(),
            client=client_digest(client.id),
            sub=user.sub,
            scope=" ".join(scopes),
            resources=tuple(audience.identifier for audience in audiences),
            resource_named=bool(resources),
            auth_time=now,
            acr=user.acr,
            amr=user.amr,
            claims=select(user.claims, of_scopes(scopes)) if "openid" in scopes else {},
        )
        plan = plan_for(AuthorizationCode(request.snapshot.issuer, fresh_id(), now, now, grant), request)
        return msgspec.structs.replace(plan, **{"revocation_checks": (), "redeems": None, **members})


def deciding(hook: Hook, grant_type: str) -> GrantFunction:
    """Return `decide` as the grant of `grant_type`."""

    async def grant(request: GrantRequest) -> Plan | Awaiting:
        answer = await hook(TokenRequest(request, grant_type))
        if answer is None:
            raise OAuthError("invalid_request", "the request was refused", reason=f"{hook.name} returned None")
        if isinstance(answer, OAuthError):
            raise answer
        if isinstance(answer, Awaiting):
            return answer
        # Never repeated from the cache: the facts on which the hook decides may have changed.
        return msgspec.structs.replace(check_plan(hook, answer, request), repeatable=False)

    return grant
