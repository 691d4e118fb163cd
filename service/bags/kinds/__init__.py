"""The kinds of bags, and the fields of each.

The payload of a bag is MessagePack of a tagged array. Three rules keep every bag readable that was ever issued: fields
are only appended, and have a default; a tag is never used twice; a field that *restricts* a bag is a new kind, because
an older node would ignore the field.

| file | what it holds |
|---|---|
| `bag.py` | the fields of every bag |
| `tokens.py` | access tokens, authorization codes, refresh tokens |
| `front.py` | pushed requests, login tickets, verdicts, cookies |
| `device.py` | device codes and approvals |
| `api.py` | tickets of the decision API |
"""

from service.bags.kinds.api import ApiTicket, TokenTicket
from service.bags.kinds.bag import Bag
from service.bags.kinds.device import DeviceApproval, DeviceCode
from service.bags.kinds.front import (
    AuthorizationRequest,
    Browser,
    Login,
    LoginTicket,
    LogoutTicket,
    PushedRequest,
    Session,
    SessionClient,
    Verdict,
)
from service.bags.kinds.tokens import (
    SID_CHARS,
    AccessToken,
    AuthorizationCode,
    Grant,
    PersonalClaims,
    Property,
    RefreshToken,
    Terms,
    visible,
)

KINDS: tuple[type[Bag], ...] = (
    AccessToken,
    AuthorizationCode,
    RefreshToken,
    PushedRequest,
    LoginTicket,
    Verdict,
    Browser,
    Session,
    DeviceCode,
    DeviceApproval,
    PersonalClaims,
    LogoutTicket,
    TokenTicket,
    ApiTicket,
)

__all__ = [
    "KINDS",
    "SID_CHARS",
    "AccessToken",
    "ApiTicket",
    "AuthorizationCode",
    "AuthorizationRequest",
    "Bag",
    "Browser",
    "DeviceApproval",
    "DeviceCode",
    "Grant",
    "Login",
    "LoginTicket",
    "LogoutTicket",
    "PersonalClaims",
    "Property",
    "PushedRequest",
    "RefreshToken",
    "Session",
    "SessionClient",
    "Terms",
    "TokenTicket",
    "Verdict",
    "visible",
]
