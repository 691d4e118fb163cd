"""Comparing JSON values as JSON does (RFC 8259 section 3): `1`, `true` and `1.0` are three values, unlike in Python."""

from typing import Any

import msgspec


def canonical(value: Any) -> bytes:
    """Return a text that two JSON values share if they are equal; the order of an object's members has no meaning."""
    return msgspec.json.encode(value, order="sorted")


def equal(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal, types included."""
    return canonical(one) == canonical(other)
