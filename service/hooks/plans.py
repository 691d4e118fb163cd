"""What a hook may say in a token: nothing that the service alone speaks for, and nothing that a token cannot carry."""

from collections.abc import Set
from typing import Any

import msgspec

from service.bags.sign import RESERVED_CLAIMS
from service.grants import GrantRequest, Plan
from service.hooks.guard import Hook
from service.protocol.claims import RESERVED_ID_CLAIMS
from service.protocol.subject import is_subject

MAX_CLAIMS = 4096
"""Bytes of JSON that a hook's claims may have: a token has to fit into a header."""


def check_plan(hook: Hook, plan: Plan, request: GrantRequest) -> Plan:
    """Return the plan that `hook` has made for `request`, its claims as tokens carry them.

    Raises:
        OAuthError: server_error, for a plan that cannot be carried out, or is not the operator's to make.
    """
    if not plan.audiences:
        raise hook.failed("no audience")
    if not plan.subject:
        raise hook.failed("no subject")
    if not is_subject(plan.subject) and request.registry.clients.find(plan.subject) is None:
        raise hook.failed("a subject that is too long or not printable")
    if plan.client_id != request.client.id:
        raise hook.failed("a plan for another client")
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
        """Return `plan` with claims for all of its tokens.

        Raises:
            OAuthError: a hook's own; server_error.
        """
        hook = self._access
        if hook is not None:
            claims = _plain(hook, await hook(plan), RESERVED_CLAIMS)
            plan = msgspec.structs.replace(plan, claims={**plan.claims, **claims})
        return await self.id_token(plan)

    async def id_token(self, plan: Plan) -> Plan:
        """Return `plan` with claims for its ID token, if it is to have one.

        Raises:
            OAuthError: a hook's own; server_error.
        """
        hook = self._id
        if hook is None or plan.person is None or "openid" not in plan.scopes:
            return plan
        claims = _plain(hook, await hook(plan), RESERVED_ID_CLAIMS)
        return msgspec.structs.replace(plan, id_claims={**plan.id_claims, **claims})


def _plain(hook: Hook, claims: dict[str, Any], reserved: Set[str]) -> dict[str, Any]:
    """Return `claims` as JSON has them."""
    try:
        text = msgspec.json.encode(claims)
        plain = msgspec.json.decode(text, type=dict[str, Any])
        msgspec.msgpack.encode(plain)  # in a sealed token, a number has at most 64 bits
    except Exception:
        raise hook.failed("claims that a token cannot carry") from None
    if len(text) > MAX_CLAIMS:
        raise hook.failed(f"claims of more than {MAX_CLAIMS} bytes")
    if not reserved.isdisjoint(plain):
        raise hook.failed("a claim that is for the service alone to set")
    return plain
