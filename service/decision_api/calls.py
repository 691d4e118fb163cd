"""The calls of the decision API, one line each, and the result code and message of their responses."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from satchel_jose.strict_json import load_object
from service.bags.errors import BadBag
from service.decision_api.authorization import AuthorizationCall, authorization
from service.decision_api.consent import AuthorizationFailRequest, AuthorizationIssueRequest, fail_code, issue_code
from service.decision_api.create import TokenCreateRequest, create
from service.decision_api.device import (
    DeviceCompleteRequest,
    DeviceVerificationRequest,
    device_authorization,
    device_complete,
    device_verification,
)
from service.decision_api.introspection import (
    IntrospectionRequest,
    StandardIntrospectionRequest,
    introspection,
    standard_introspection,
)
from service.decision_api.password import TokenFailRequest, TokenIssueRequest, fail_ticket, issue_ticket
from service.decision_api.presenting import PresentedToken
from service.decision_api.pushed import push
from service.decision_api.reissue import ReissueRequest, reissue
from service.decision_api.revocation import TokenRevokeRequest, revocation, token_revoke
from service.decision_api.service_info import ConfigurationRequest, configuration, key_set
from service.decision_api.token import TokenDecisionRequest, token
from service.decision_api.userinfo import UserInfoIssueRequest, issue_userinfo, userinfo
from service.decision_api.wire import CallersFault, FromClient, Message, Response
from service.decisions.context import Context
from service.decisions.decision import Action, Decision


class Call(NamedTuple):
    """A call: its number in result codes, its request, its function and its HTTP methods.

    `audited`: a refusal is reported as the refusal of a token request (hook `on_refused`).
    """

    number: int
    request: type[Message]
    answer: Callable[[Context, Any, float], Awaitable[tuple[Decision, Any]]]
    methods: tuple[str, ...] = ("POST",)
    audited: bool = False


CALLS: dict[str, Call] = {
    "auth/token": Call(1, TokenDecisionRequest, token, audited=True),
    "auth/token/issue": Call(2, TokenIssueRequest, issue_ticket, audited=True),
    "auth/token/fail": Call(3, TokenFailRequest, fail_ticket, audited=True),
    "auth/token/create": Call(4, TokenCreateRequest, create, audited=True),
    "auth/token/revoke": Call(5, TokenRevokeRequest, token_revoke),
    "auth/authorization": Call(6, AuthorizationCall, authorization),
    "auth/authorization/issue": Call(7, AuthorizationIssueRequest, issue_code),
    "auth/authorization/fail": Call(8, AuthorizationFailRequest, fail_code),
    "auth/introspection": Call(9, IntrospectionRequest, introspection),
    "auth/introspection/standard": Call(10, StandardIntrospectionRequest, standard_introspection),
    "auth/revocation": Call(11, FromClient, revocation),
    "auth/userinfo": Call(12, PresentedToken, userinfo),
    "auth/userinfo/issue": Call(13, UserInfoIssueRequest, issue_userinfo),
    "pushed_auth_req": Call(14, FromClient, push),
    "device/authorization": Call(15, FromClient, device_authorization),
    "device/verification": Call(16, DeviceVerificationRequest, device_verification),
    "device/complete": Call(17, DeviceCompleteRequest, device_complete),
    "service/jwks/get": Call(18, Message, key_set, ("GET",)),
    "service/configuration": Call(19, ConfigurationRequest, configuration, ("GET", "POST")),
    "idtoken/reissue": Call(20, ReissueRequest, reissue),
}
NOT_KEPT = ("auth/token/get/list", "auth/token/delete", "auth/token/update", "client", "service", "gm", "hsk")
"""Calls of Authlete that need a store of tokens, grants or clients. Clients are in the configuration file."""

_OK, _REFUSED, _CALLER, _FAILED, _NOT_KEPT = 1, 101, 201, 301, 401


async def call(name: str, context: Context, body: bytes, now: float) -> tuple[Decision, Any]:
    """Make the call `name` with the JSON in `body`, at `now` (seconds since the epoch).

    Return the decision on the client's request, and the response to the caller.

    Raises:
        CallersFault: the caller's message is wrong; the text begins with the result code.
    """
    number, kind, answer, _, audited = CALLS[name]
    try:
        request = msgspec.convert(load_object(body or b"{}"), kind)
        decision, response = await answer(context, request, now)
    except BadBag as fault:
        raise CallersFault(_message(number, _CALLER, fault.reason)) from None
    except (msgspec.ValidationError, CallersFault) as fault:
        raise CallersFault(_message(number, _CALLER, str(fault))) from None
    if audited and decision.error is not None and context.ports.audit is not None:
        context.ports.audit(decision, now)
    if isinstance(response, Response):
        _report(number, decision, response)
    return decision, response


def not_kept(name: str) -> str:
    """Return the message for a path that is no call of this API."""
    if any(f"{name}/".startswith(f"{prefix}/") for prefix in NOT_KEPT):
        return _message(0, _NOT_KEPT, "not kept: tokens and grants are not stored, and clients are configured")
    return _message(0, _NOT_KEPT + 1, "there is no such call; docs/decision-api.md lists the calls")


def code_of(message: str) -> str:
    """Return the result code that begins a message."""
    return message[1 : message.index("]")]


def _report(number: int, decision: Decision, response: Response) -> None:
    error = decision.error
    if error is None:
        response.result_message = _message(number, _OK, decision.note or f"the action is {response.action}")
    else:
        failed = decision.action in (Action.INTERNAL_SERVER_ERROR, Action.TEMPORARILY_UNAVAILABLE)
        response.result_message = _message(number, _FAILED if failed else _REFUSED, f"{error.code}: {error.reason}")
    response.result_code = code_of(response.result_message)


def _message(number: int, outcome: int, text: str) -> str:
    return f"[A{number:03d}{outcome:03d}] {text}"
