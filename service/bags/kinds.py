"""What each bag holds.

A payload is MessagePack of a tagged array (RFC 7516 leaves the plaintext to us), so three rules keep every bag ever
handed out readable: fields are only appended, always with a default; a tag is never used twice; a field that
*restricts* what its bag allows is a new kind, because an older node would ignore it.
"""

from typing import Any, ClassVar

import msgspec


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


KINDS: tuple[type[Bag], ...] = (AccessToken, AuthorizationCode, RefreshToken)
