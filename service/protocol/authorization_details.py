"""Rich authorization requests (RFC 9396): the `authorization_details` parameter, checked against configured types."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from satchel_jose.strict_json import load_array
from service.bags.errors import BadBag
from service.config.front import DetailType
from service.protocol.errors import OAuthError
from service.protocol.json_values import canonical

MAX_CHARS = 4000
MAX_ELEMENTS = 20
MAX_DEPTH = 8
"""Levels of JSON: whoever reads the token that carries them bounds the levels of the whole."""

_LISTS = ("locations", "actions", "datatypes", "privileges")
"""Members that are arrays of strings wherever they occur (section 2.2); `identifier` is a string."""


def read_details(text: str, types: Mapping[str, DetailType], allowed: Collection[str]) -> list[dict[str, Any]]:
    """Return the elements of the parameter. Each has a configured type that is `allowed`, and fits that type.

    Raises:
        OAuthError: invalid_authorization_details (section 5).
    """
    return check_details(_elements(text), types, allowed)


def check_details(
    elements: list[dict[str, Any]], types: Mapping[str, DetailType], allowed: Collection[str]
) -> list[dict[str, Any]]:
    """Return `elements`, each of which has a configured type that is `allowed`, and fits that type.

    Raises:
        OAuthError: invalid_authorization_details (section 5).
    """
    for element in elements:
        name = element.get("type")
        kind = types.get(name) if isinstance(name, str) and name in allowed else None
        if kind is None:
            raise _refused("authorization_details has a type that is unknown or not allowed for the client")
        if not {*kind.required} <= element.keys() <= {"type", *kind.members}:
            raise _refused("an element of authorization_details has an unknown member or lacks a required one")
        if not _well_formed(element):
            raise _refused("an element of authorization_details has a member of the wrong JSON type")
    return elements


def narrow_details(text: str | None, granted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the elements that a token request names (section 6); all that were `granted` if it names none.

    Each named element must equal a granted one: only the API behind a type could say that an element asks for less.
    The returned elements are the granted ones, each once.

    Raises:
        OAuthError: invalid_authorization_details: an element was not granted.
    """
    if text is None:
        return granted
    known = {canonical(element): element for element in granted}
    named = dict.fromkeys(map(canonical, _elements(text)))
    if not named.keys() <= known.keys():
        raise _refused("authorization_details has an element that was not granted")
    return [known[element] for element in named]


def _elements(text: str) -> list[dict[str, Any]]:
    try:
        if len(text) > MAX_CHARS:
            raise BadBag("too long")
        elements = load_array(text.encode("utf-8"), MAX_DEPTH)
        msgspec.msgpack.encode(elements)  # a bag cannot hold integers over 64 bits
    except (BadBag, OverflowError) as fault:
        raise _refused(
            "authorization_details is not a valid JSON array", str(getattr(fault, "reason", fault))
        ) from None
    if not 0 < len(elements) <= MAX_ELEMENTS or not all(isinstance(element, dict) for element in elements):
        raise _refused(f"authorization_details must be an array of 1 to {MAX_ELEMENTS} objects")
    return elements


def _well_formed(element: dict[str, Any]) -> bool:
    lists = (element.get(name, []) for name in _LISTS)
    return isinstance(element.get("identifier", ""), str) and all(
        isinstance(items, list) and all(isinstance(item, str) for item in items) for items in lists
    )


def _refused(description: str, reason: str = "") -> OAuthError:
    return OAuthError("invalid_authorization_details", description, reason=reason)
