"""Checks of the plans and claims that hooks return: no reserved claims, and nothing that a token cannot contain."""

from collections.abc import Set
from typing import Any

import msgspec

from service.bags.sign import RESERVED_CLAIMS
from service.grants import GrantRequest, Plan
from service.hooks.guard import Hook
from service.protocol.claims import RESERVED_ID_CLAIMS
from service.protocol.subject import is_subject

MAX_CLAIMS = 4096
"""The most claims of a hook, in bytes of JSON: a token must fit into a header."""


def check_plan(hook: Hook, plan: Plan, request: GrantRequest) -> Plan:
    """Return the plan that `hook` made for `request`, with its claims as plain JSON values.

    Raises:
        OAuthError: server_error: the plan is incomplete, for another client, or has claims that are not allowed.
    """
    if not plan.audiences:
        raise hook.failed("the plan has no audience")
    if not plan.subject:
        raise hook.failed("the plan has no subject")
    if not is_subject(plan.subject) and request.registry.clients.find(plan.subject) is None:
        raise hook.failed("the subject of the plan is too long or not printable")
    if plan.client_id != request.client.id:
        raise hook.failed("the plan is for another client")
    if not plan.claims and not plan.id_claims:
        return plan
    claims, id_claims = _plain(hook, plan.claims, RESERVED_CLAIMS), _plain(hook, plan.id_claims, RESERVED_ID_CLAIMS)
    return msgspec.structs.replace(plan, claims=claims, id_claims=id_claims)


class CustomizeHooks:
    """Adds the claims of `customize_access_token` and `customize_id_token` to plans."""

    def __init__(self, access: Hook | None, id: Hook | None) -> None:
        self._access = access
        self._id = id

    async def tokens(self, plan: Plan) -> Plan:
        """Return `plan` with the hooks' claims for its access token and its ID token.

        Raises:
            OAuthError: raised by a hook; server_error: a hook failed.
        """
        hook = self._access
        if hook is not None:
            claims = _plain(hook, await hook(plan), RESERVED_CLAIMS)
            plan = msgspec.structs.replace(plan, claims={**plan.claims, **claims})
        return await self.id_token(plan)

    async def id_token(self, plan: Plan) -> Plan:
        """Return `plan` with the hook's claims for its ID token, if it gets one.

        Raises:
            OAuthError: raised by the hook; server_error: the hook failed.
        """
        hook = self._id
        if hook is None or plan.person is None or "openid" not in plan.scopes:
            return plan
        claims = _plain(hook, await hook(plan), RESERVED_ID_CLAIMS)
        return msgspec.structs.replace(plan, id_claims={**plan.id_claims, **claims})


def _plain(hook: Hook, claims: dict[str, Any], reserved: Set[str]) -> dict[str, Any]:
    """Return `claims` as plain JSON values."""
    try:
        text = msgspec.json.encode(claims)
        plain = msgspec.json.decode(text, type=dict[str, Any])
        msgspec.msgpack.encode(plain)  # an encrypted token cannot contain integers over 64 bits
    except Exception:
        raise hook.failed("the claims cannot be encoded") from None
    if len(text) > MAX_CLAIMS:
        raise hook.failed(f"the claims are longer than {MAX_CLAIMS} bytes")
    if not reserved.isdisjoint(plain):
        raise hook.failed("a claim is reserved for the service")
    return plain
