"""Access tokens, codes and refresh tokens (RFC 6749 section 1), and the grant that they carry."""

from typing import Any, ClassVar

import msgspec

from service.bags.kinds.bag import Bag

SID_CHARS = 11
"""Characters of a session's id (66 bits)."""


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


def visible(properties: tuple[Property, ...], *, hidden: bool = False) -> dict[str, str]:
    """Return the properties that clients see, as members of what they are answered; with `hidden`, the others too."""
    return {each.key: each.value for each in properties if hidden or not each.hidden}


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
    resource_named: bool = False
    """Whether the request named a resource: then its tokens are not for /userinfo too."""

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
    """A refresh token (RFC 6749 section 1.5); `until` is the family's last second.

    `generation` grows with each rotation. `uses` are the instants (seconds since the epoch) of the first use of the
    generations before this one, the latest first, as far as they matter (decisions/token/redeem.py).
    """

    TYP: ClassVar[str] = "rt+bag"

    grant: Grant
    until: int = 0
    generation: int = 0
    uses: tuple[int, ...] = ()
