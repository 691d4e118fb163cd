"""What each bag holds.

A payload is MessagePack of a tagged array (RFC 7516 leaves the plaintext to us), so three rules keep every bag ever
handed out readable: fields are only appended, always with a default; a tag is never used twice; a field that
*restricts* what its bag allows is a new kind, because an older node would ignore it.
"""

from typing import Any, ClassVar

import msgspec

SID_CHARS = 11
"""Characters of a session's id (66 bits)."""


class Bag(msgspec.Struct, frozen=True, array_like=True):
    """What every bag says of itself: issuer, id, and the two instants in seconds since the epoch (RFC 7519 4.1)."""

    TYP: ClassVar[str] = ""

    iss: str
    jti: str
    iat: int
    exp: int


class AccessToken(Bag, frozen=True, array_like=True, tag=1):
    """An access token, signed (RFC 9068) or sealed; `claims` are the resource's and the operator's own."""

    TYP: ClassVar[str] = "at+bag"

    sub: str
    client_id: str
    aud: tuple[str, ...]
    scope: str = ""
    auth_time: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()
    cnf: dict[str, str] = {}
    act: dict[str, Any] | None = None
    authorization_details: list[dict[str, Any]] = []
    claims: dict[str, Any] = {}

    @property
    def family(self) -> str:
        """Id of the authorization that this token comes from; empty for client_credentials.

        It is the part of `jti` before the dot, so that a signed token needs no claim of its own for it.
        """
        family, dot, _ = self.jti.partition(".")
        return family if dot else ""


class Property(msgspec.Struct, frozen=True, array_like=True):
    """A pair that goes with tokens for the caller of the decision API; one that is not `hidden`, for clients too."""

    key: str
    value: str = ""
    hidden: bool = False


class Terms(msgspec.Struct, frozen=True, array_like=True):
    """What the caller of the decision API has said of tokens: more claims, and lives in seconds (0: as configured)."""

    properties: tuple[Property, ...] = ()
    claims: dict[str, Any] = {}
    access_life: int = 0
    refresh_life: int = 0


def visible(properties: tuple[Property, ...]) -> dict[str, str]:
    """Return the properties that clients see, as members of what they are answered."""
    return {each.key: each.value for each in properties if not each.hidden}


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """What a resource owner has granted to a client: the part that a code hands on to its refresh tokens.

    `client` is a digest of the client id (an id may itself be a bag of 900 characters), `memory` the identity of the
    memory that knows whether this bag was spent.
    """

    family: str
    client: bytes
    sub: str
    scope: str
    resources: tuple[str, ...] = ()
    memory: str = ""
    auth_time: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()
    cnf: dict[str, str] = {}
    authorization_details: list[dict[str, Any]] = []
    claims: dict[str, Any] = {}
    """What is known of the person, where only the login knew it."""
    asked: tuple[tuple[str, ...], ...] = ()
    """Names of the claims that the ID token and /userinfo have by the request's `claims` (OIDC Core section 5.5)."""
    terms: Terms | None = None

    @property
    def sid(self) -> str:
        """The session of the login: the first half of `family`, since every character counts in a code."""
        return self.family[:SID_CHARS]


class AuthorizationCode(Bag, frozen=True, array_like=True, tag=2):
    """An authorization code (RFC 6749 section 4.1.2); `redirect_uri` is a digest, `challenge` the 32 octets of S256."""

    TYP: ClassVar[str] = "code+bag"

    grant: Grant
    redirect_uri: bytes = b""
    challenge: bytes = b""
    nonce: str = ""


class RefreshToken(Bag, frozen=True, array_like=True, tag=3):
    """A refresh token (RFC 6749 section 1.5); `parent` is the jti it replaced, `until` the family's last second."""

    TYP: ClassVar[str] = "rt+bag"

    grant: Grant
    parent: str = ""
    until: int = 0


class AuthorizationRequest(msgspec.Struct, frozen=True, array_like=True):
    """An authorization request whose client and redirect_uri are proved (RFC 6749 section 4.1.1, OIDC Core 3.1.2.1).

    `redirect_uri` is where the answer goes, `named` whether the request had it; `scope` is what may be granted;
    `challenge` the 32 octets of S256; `max_age` is in seconds, -1 without one; `claims` is the parameter as it came.
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
    """`sub` of the id_token_hint: nobody else may be logged in."""


class Login(msgspec.Struct, frozen=True, array_like=True):
    """Who has logged in, and how; `auth_time` is in seconds since the epoch; `claims` what only the login knows."""

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
    the answer goes to a device (RFC 8628) instead of a redirect_uri.
    """

    TYP: ClassVar[str] = "ticket+bag"

    request: AuthorizationRequest
    browser: str
    memory: str = ""
    pushed: str = ""
    session: str = ""
    sub: str = ""
    device: str = ""


class Verdict(Bag, frozen=True, array_like=True, tag=6):
    """What a login application has found: who has logged in and what they grant, or an error code."""

    TYP: ClassVar[str] = "verdict+bag"

    ticket: LoginTicket
    login: Login | None = None
    scope: str = ""
    authorization_details: list[dict[str, Any]] = []
    error: str = ""


class Browser(Bag, frozen=True, array_like=True, tag=7):
    """A cookie that tells one browser from another; a ticket that began elsewhere is refused."""

    TYP: ClassVar[str] = "browser+bag"


class Served(msgspec.Struct, frozen=True, array_like=True):
    """A client that a session has served, by digest, and the scope that its user has consented to."""

    client: bytes
    scope: str = ""


class Session(Bag, frozen=True, array_like=True, tag=8):
    """A cookie of single sign-on; `sid` stays while `jti` is renewed, `served` is who is told of a logout."""

    TYP: ClassVar[str] = "session+bag"

    sid: str
    login: Login
    served: tuple[Served, ...] = ()


class DeviceCode(Bag, frozen=True, array_like=True, tag=9):
    """A device code (RFC 8628 section 3.2); `scope` is what may be granted."""

    TYP: ClassVar[str] = "device+bag"

    client_id: str
    scope: str
    resources: tuple[str, ...] = ()
    memory: str = ""
    cnf: dict[str, str] = {}
    authorization_details: list[dict[str, Any]] = []


class DeviceApproval(Bag, frozen=True, array_like=True, tag=10):
    """What a person has said to a device, on its way through the memory; without a grant it was no."""

    TYP: ClassVar[str] = "approval+bag"

    grant: Grant | None = None


class PersonalClaims(Bag, frozen=True, array_like=True, tag=11):
    """What /userinfo or the decision API may tell and an access token must not show to resource servers; rides in it,
    sealed.

    `names` are claims beyond those of the token's scopes, `claims` values that only the login knew, `sub` the person
    where the token names them by a pairwise pseudonym.
    """

    TYP: ClassVar[str] = "personal+bag"

    sub: str
    names: tuple[str, ...] = ()
    claims: dict[str, Any] = {}
    properties: tuple[Property, ...] = ()


class LogoutTicket(Bag, frozen=True, array_like=True, tag=12):
    """A logout that waits for the person's yes (OpenID Connect RP-Initiated Logout section 2)."""

    TYP: ClassVar[str] = "logout+bag"

    browser: str
    sid: str = ""
    redirect_uri: str = ""
    state: str = ""


class TokenTicket(Bag, frozen=True, array_like=True, tag=13):
    """A token request that waits for the caller of the decision API to say who the user is (RFC 6749 section 4.3).

    `scopes` and `resources` are those of the token to be, `requested` what the request named, `cnf` what it proved.
    """

    TYP: ClassVar[str] = "tokenticket+bag"

    client_id: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    requested: tuple[str, ...] | None = None
    memory: str = ""
    cnf: dict[str, str] = {}
    terms: Terms | None = None


class ApiTicket(Bag, frozen=True, array_like=True, tag=14):
    """An authorization request whose login and consent are the decision API's caller's business; good for one answer.

    `pushed` is the jti of the request_uri to be spent with it.
    """

    TYP: ClassVar[str] = "apiticket+bag"

    request: AuthorizationRequest
    memory: str = ""
    pushed: str = ""


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
