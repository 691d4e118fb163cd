"""An operator's code, as the tests have it."""

import time
from typing import Any

from service.grants import GrantRequest, Plan
from service.protocol.errors import OAuthError
from service.protocol.ports import User

BROKEN = "no function"


async def authenticate_user(username: str, password: str) -> Any:
    """Know carol; fail in several ways for others."""
    if username == "carol":
        return User("c-1", ("pwd", "otp"), "high") if password == "right" else None
    if username == "crash":
        raise ZeroDivisionError(password)
    if username == "locked":
        raise OAuthError("invalid_grant", "the account is locked")
    return {"text": password, "client": User("once"), "nobody": User("")}.get(username)


async def ticket(request: GrantRequest) -> Any:
    """A grant that does as its ticket says."""
    said = request.form.require("ticket")
    audiences = request.registry.audiences.target(request.client, request.form.all("resource"))
    plan = Plan("visitor", request.client.id, audiences, ("read",), cnf=request.cnf)
    if said == "crash":
        raise LookupError(said + request.form.require("secret"))
    if said == "refuse":
        raise OAuthError("invalid_grant", "no such ticket")
    if said == "text":
        return "plan"
    claims: dict[str, Any] = {
        "good": {"seat": 7},
        "may_act": {},
        "forge-may_act": {"may_act": {"sub": "anyone"}},
        "forge": {"act": {"sub": "root"}},
        "forge-scope": {"scope": "admin"},
    }
    may_act = {"sub": "gateway"} if said == "may_act" else None
    if said == "nowhere":
        return Plan("visitor", request.client.id, (), ())
    client_id = "other" if said == "other" else plan.client_id
    claims["other"] = {}
    return Plan(plan.subject, client_id, audiences, plan.scopes, may_act=may_act, claims=claims[said])


def synchronous(request: GrantRequest) -> Plan:
    """A grant that may block."""
    time.sleep(0.01)
    audiences = request.registry.audiences.target(request.client, request.form.all("resource"))
    return Plan("blocker", request.client.id, audiences, ("read",))
