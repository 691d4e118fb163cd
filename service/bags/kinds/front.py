"""Authorization requests during login and consent, and the cookies of browsers."""

from typing import Any, ClassVar

import msgspec

from service.bags.kinds.bag import Bag


class AuthorizationRequest(msgspec.Struct, frozen=True, array_like=True):
    """An authorization request with a verified client and redirect_uri (RFC 6749 section 4.1.1, OIDC Core 3.1.2.1).

    `named` says whether the request had a redirect_uri. `scope` is the scope that the user can grant. `challenge` has
    the 32 octets of S256. `max_age` is in seconds, or -1 if the request has none. `claims` is the parsed parameter.
    """

    client_id: str
    redirect_uri: str
    scope: str
    state: str = ""
    response_mode: str = "query"
    named: bool = True
    challenge: bytes = b""
    nonce: str = ""
    resources: tuple[str, ...] = ()
    dpop_jkt: str = ""
    prompt: tuple[str, ...] = ()
    max_age: int = -1
    login_hint: str = ""
    acr_values: tuple[str, ...] = ()
    claims: dict[str, Any] = {}
    authorization_details: list[dict[str, Any]] = []
    ui_locales: str = ""
    hint_sub: str = ""
    """`sub` of the id_token_hint: only this user may log in."""
    resource_named: bool = False
    """Whether the request named a resource (RFC 8707)."""


class Login(msgspec.Struct, frozen=True, array_like=True):
    """A login: the user, when (seconds since the epoch) and how. `claims` are known from the login only."""

    sub: str
    auth_time: int
    acr: str = ""
    amr: tuple[str, ...] = ()
    claims: dict[str, Any] = {}


class PushedRequest(Bag, frozen=True, array_like=True, tag=4):
    """A request_uri (RFC 9126 section 2.2); `client` is a digest, and the request's own client_id is empty."""

    TYP: ClassVar[str] = "par+bag"

    client: bytes
    request: AuthorizationRequest
    memory: str = ""


class LoginTicket(Bag, frozen=True, array_like=True, tag=5):
    """A request on its way through login and consent, good for one answer.

    `browser` is the jti of the cookie that it was begun with, `pushed` that of the request_uri to be spent with it.
    `session` and `sub` are what a consent page was made for, empty before the login; `device` is the user code where
    the answer goes to a device (RFC 8628) instead of a redirect_uri. `address` is where the request came from.
    """

    TYP: ClassVar[str] = "ticket+bag"

    request: AuthorizationRequest
    browser: str
    memory: str = ""
    pushed: str = ""
    session: str = ""
    sub: str = ""
    device: str = ""
    address: str = ""


class Verdict(Bag, frozen=True, array_like=True, tag=6):
    """The result of a login application: the login and the granted scope, or an error code."""

    TYP: ClassVar[str] = "verdict+bag"

    ticket: LoginTicket
    login: Login | None = None
    scope: str = ""
    authorization_details: list[dict[str, Any]] = []
    error: str = ""


class Browser(Bag, frozen=True, array_like=True, tag=7):
    """A cookie that identifies a browser. Tickets of other browsers are refused."""

    TYP: ClassVar[str] = "browser+bag"


class SessionClient(msgspec.Struct, frozen=True, array_like=True):
    """A client of a session: the digest of its id, and what the person has granted it (session.py of decisions)."""

    client: bytes
    scope: str = ""


class Session(Bag, frozen=True, array_like=True, tag=8):
    """The session cookie of single sign-on. `sid` stays while `jti` is renewed; `clients` get a logout token."""

    TYP: ClassVar[str] = "session+bag"

    sid: str
    login: Login
    clients: tuple[SessionClient, ...] = ()


class LogoutTicket(Bag, frozen=True, array_like=True, tag=12):
    """A logout that the user has to confirm (OpenID Connect RP-Initiated Logout section 2)."""

    TYP: ClassVar[str] = "logout+bag"

    browser: str
    sid: str = ""
    redirect_uri: str = ""
    state: str = ""
    client_id: str = ""
    """The client to which `redirect_uri` belongs."""
