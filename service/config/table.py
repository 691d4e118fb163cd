"""The base class of the tables of the configuration file, and the value types that several tables use."""

from typing import Annotated

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(min_length=1, max_length=900)]
Seconds = Annotated[int, Meta(gt=0, le=100 * 366 * 86_400)]
"""At most a century: an instant that far away still fits into every memory and every token."""
SUBJECT = r"^[\x20-\x7E]{1,255}\Z"
"""A `sub` (OpenID Connect Core section 2): at most 255 ASCII characters; here without control characters."""
Subject = Annotated[str, Meta(pattern=SUBJECT)]
Path = Annotated[str, Meta(pattern=r"^(/[A-Za-z0-9._~-]+)+\Z")]
Scope = Annotated[str, Meta(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+\Z", max_length=200)]
"""A scope-token (RFC 6749 section 3.3)."""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration file. Unknown settings in it are refused."""
