"""JSON that every reader reads alike (RFC 7493, I-JSON), or that is refused."""

import json
import math
import re
from typing import Any, NoReturn

from satchel_jose.errors import Rejected

MAX_DEPTH = 16
MAX_DIGITS = 20

# Possessive, and content without the closing quote, so that the work stays linear in text made to defeat it.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def load_object(raw: bytes) -> dict[str, Any]:
    """Return one JSON object: UTF-8, at most 16 deep, every member once, finite numbers of at most 20 digits.

    The caller bounds the size first: the work is linear in the bytes given.

    Raises:
        Rejected: anything else.
    """
    value = _load(raw, MAX_DEPTH)
    if type(value) is not dict:
        raise Rejected("not a JSON object")
    return value


def load_array(raw: bytes, max_depth: int = MAX_DEPTH) -> list[Any]:
    """Return one JSON array, read as `load_object` reads an object, at most `max_depth` deep.

    Raises:
        Rejected: anything else.
    """
    value = _load(raw, max_depth)
    if type(value) is not list:
        raise Rejected("not a JSON array")
    return value


def _load(raw: bytes, max_depth: int) -> Any:
    try:
        text = raw.decode()
        if text.count("{") + text.count("[") > max_depth and _depth(text) > max_depth:
            raise Rejected("JSON is nested too deep")
        value = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # only a lone surrogate has no UTF-8
    except ValueError:  # from None: a JSON error carries the whole document
        raise Rejected("not JSON") from None
    return value


def _depth(text: str) -> int:
    deepest = depth = 0
    for character in _STRING.sub("", text):
        if character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]":
            depth -= 1
    return deepest


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Rejected("duplicate JSON member")
    return members


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise Rejected("JSON number out of range")
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Rejected("JSON number out of range")
    return value


def _constant(_text: str) -> NoReturn:
    raise Rejected("JSON has no NaN or Infinity")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_fraction, parse_constant=_constant
)
