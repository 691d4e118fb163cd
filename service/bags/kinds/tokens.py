"""Access tokens, codes and refresh tokens (RFC 6749 section 1), and the grant that they carry."""

from typing import Any, ClassVar

import msgspec

from service.bags.kinds.bag import Bag

SID_CHARS = 11
"""The length of a session id, in characters (66 bits)."""


class AccessToken(Bag, frozen=True, array_like=True, tag=1):
    """An access token, signed (RFC 9068) or sealed. `claims` come from the configuration and from hooks."""

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
        """The id of the authorization to which this token belongs; empty for client_credentials.

        It is the part of `jti` before the dot, so that signed tokens need no further claim.
        """
        family, dot, _ = self.jti.partition(".")
        return family if dot else ""


class Property(msgspec.Struct, frozen=True, array_like=True):
    """A property that the caller of the decision API attaches to tokens. Clients see it unless it is `hidden`."""

    key: str
    value: str = ""
    hidden: bool = False


class Terms(msgspec.Struct, frozen=True, array_like=True):
    """Settings of the decision API's caller for tokens: properties, claims, lifetimes in seconds (0: as configured)."""

    properties: tuple[Property, ...] = ()
    claims: dict[str, Any] = {}
    access_life: int = 0
    refresh_life: int = 0


def visible(properties: tuple[Property, ...], *, hidden: bool = False) -> dict[str, str]:
    """Return the properties that clients see, as members of responses; with `hidden`, all properties."""
    return {each.key: each.value for each in properties if hidden or not each.hidden}


class PersonalClaims(Bag, frozen=True, array_like=True, tag=11):
    """Claims for /userinfo and the decision API that resource servers must not see; an encrypted part of access tokens.

    `names` are requested claims beyond those of the token's scopes. `claims` are known from the login only. `sub` is
    the user's id if the token has a pairwise `sub`.
    """

    TYP: ClassVar[str] = "personal+bag"

    sub: str
    names: tuple[str, ...] = ()
    claims: dict[str, Any] = {}
    properties: tuple[Property, ...] = ()


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """The grant of a resource owner to a client: the part that a code and its refresh tokens share.

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
    """Claims about the user that are known from the login only."""
    asked: tuple[tuple[str, ...], ...] = ()
    """Names of the claims that the ID token and /userinfo have by the request's `claims` (OIDC Core section 5.5)."""
    terms: Terms | None = None
    resource_named: bool = False
    """Whether the request named a resource: then its tokens are not for /userinfo too."""

    @property
    def sid(self) -> str:
        """The id of the login session: the first half of `family`, which keeps codes short."""
        return self.family[:SID_CHARS]


class AuthorizationCode(Bag, frozen=True, array_like=True, tag=2):
    """An authorization code (RFC 6749 section 4.1.2); `redirect_uri` is a digest, `challenge` the 32 octets of S256."""

    TYP: ClassVar[str] = "code+bag"

    grant: Grant
    redirect_uri: bytes = b""
    challenge: bytes = b""
    nonce: str = ""


class RefreshToken(Bag, frozen=True, array_like=True, tag=3):
    """A refresh token (RFC 6749 section 1.5); `until` is the family's last second.

    `generation` grows with each rotation. `uses` are the instants (seconds since the epoch) of the first use of the
    generations before this one, the latest first, as far as they matter (decisions/token/redeem.py).
    """

    TYP: ClassVar[str] = "rt+bag"

    grant: Grant
    until: int = 0
    generation: int = 0
    uses: tuple[int, ...] = ()
