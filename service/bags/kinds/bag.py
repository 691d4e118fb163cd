"""The fields of every bag: issuer, id, time of issue and expiry."""

from typing import ClassVar

import msgspec


class Bag(msgspec.Struct, frozen=True, array_like=True):
    """The fields of every bag: iss, jti, iat and exp (RFC 7519 section 4.1). Times are in seconds since the epoch."""

    TYP: ClassVar[str] = ""

    iss: str
    jti: str
    iat: int
    exp: int
