"""JSON that every reader reads alike (RFC 7493, I-JSON), or that is refused."""

import json
import math
import re
from typing import Any, NoReturn

from service.bags.errors import BadBag

MAX_DEPTH = 8
MAX_DIGITS = 20

# Possessive, and content without the closing quote, so that the work stays linear in text made to defeat it.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def load_object(raw: bytes) -> dict[str, Any]:
    """One JSON object (UTF-8, at most 8 deep, every member once, finite numbers); raises BadBag for anything else.

    The caller bounds the size first: the work is linear in the bytes given.
    """
    value = _load(raw)
    if type(value) is not dict:
        raise BadBag("not a JSON object")
    return value


def load_array(raw: bytes) -> list[Any]:
    """One JSON array, read as `load_object` reads an object; raises BadBag for anything else."""
    value = _load(raw)
    if type(value) is not list:
        raise BadBag("not a JSON array")
    return value


def _load(raw: bytes) -> Any:
    try:
        text = raw.decode()
        if text.count("{") + text.count("[") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
            raise BadBag("JSON is nested too deep")
        value = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # only a lone surrogate has no UTF-8
    except ValueError:  # from None: a JSON error carries the whole document
        raise BadBag("not JSON") from None
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
        raise BadBag("duplicate JSON member")
    return members


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise BadBag("JSON number out of range")
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadBag("JSON number out of range")
    return value


def _constant(_text: str) -> NoReturn:
    raise BadBag("JSON has no NaN or Infinity")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_fraction, parse_constant=_constant
)
