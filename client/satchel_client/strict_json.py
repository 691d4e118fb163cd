"""JSON that every reader reads alike (RFC 7493, I-JSON), or that is refused."""

import json
import re
from math import isfinite
from typing import Any, NoReturn

from satchel_client.rejected import Rejected

MAX_DEPTH = 16
_MAX_DIGITS = 20
# Possessive, so that the work stays linear in text made to defeat it.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def load_object(raw: bytes) -> dict[str, Any]:
    """Return one JSON object: UTF-8, at most 16 deep, every member once, finite numbers.

    The caller bounds the size first: the work is linear in the bytes given.

    Raises:
        Rejected: anything else.
    """
    try:
        text = raw.decode()
        if text.count("{") + text.count("[") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
            raise Rejected("JSON is nested too deep")
        value = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # only a lone surrogate has no UTF-8
    except ValueError:  # from None: a JSON error carries the whole document
        raise Rejected("not JSON") from None
    if type(value) is not dict:
        raise Rejected("not a JSON object")
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
    if len(text) > _MAX_DIGITS:
        raise Rejected("JSON number out of range")
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise Rejected("JSON number out of range")
    return value


def _constant(_text: str) -> NoReturn:
    raise Rejected("JSON has no NaN or Infinity")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_fraction, parse_constant=_constant
)
