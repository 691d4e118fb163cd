"""What every kind of bag has: who made it, its id, and its two instants."""

from typing import ClassVar

import msgspec


class Bag(msgspec.Struct, frozen=True, array_like=True):
    """What every bag says of itself: issuer, id, and the two instants in seconds since the epoch (RFC 7519 4.1)."""

    TYP: ClassVar[str] = ""

    iss: str
    jti: str
    iat: int
    exp: int
