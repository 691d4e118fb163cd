"""Strict JSON: what is read, every reader reads alike; all else is refused (RFC 7493)."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satchel_jose.errors import Rejected
from satchel_jose.strict_json import MAX_DEPTH, MAX_DIGITS, load_array, load_object

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), _JSON, max_size=4), st.booleans())
def test_an_object_is_read(value: dict[str, Any], ascii: bool) -> None:
    assert load_object(json.dumps(value, ensure_ascii=ascii).encode()) == value
    assert load_array(json.dumps([value], ensure_ascii=ascii).encode()) == [value]


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_the_depth_is_bounded(opening: str) -> None:
    def nested(depth: int) -> bytes:
        return (opening * depth + "1" + ("]" if opening == "[" else "}") * depth).encode()

    assert load_object(b'{"x":%s}' % nested(MAX_DEPTH - 1))
    assert load_array(b"[%s]" % nested(MAX_DEPTH - 1))
    assert load_array(b"[%s]" % nested(3), max_depth=4)
    for raw, arguments in ((nested(MAX_DEPTH), {}), (nested(4), {"max_depth": 4})):
        with pytest.raises(Rejected) as refused:
            load_array(b"[%s]" % raw, **arguments)
        assert refused.value.reason == "JSON is nested too deep"
    with pytest.raises(Rejected) as refused:
        load_object(b'{"x":%s}' % nested(100_000))
    assert refused.value.reason == "JSON is nested too deep"


def test_brackets_in_strings_are_no_depth() -> None:
    text = '[{"' * 50 + "\\"
    assert load_object(json.dumps({"x": text}).encode()) == {"x": text}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"[]", "not a JSON object"),
        (b"1", "not a JSON object"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{} x", "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b"\xff", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"a":"\\ud800"}', "not JSON"),
        (b'{"\\udfff":1}', "not JSON"),
        (b'{"a":1,"a":1}', "duplicate JSON member"),
        (b'{"x":{"a":1,"\\u0061":1}}', "duplicate JSON member"),
        (b'{"a":NaN}', "JSON has no NaN or Infinity"),
        (b'{"a":-Infinity}', "JSON has no NaN or Infinity"),
        (b'{"a":1e400}', "JSON number out of range"),
        (b'{"a":%s}' % (b"9" * (MAX_DIGITS + 1)), "JSON number out of range"),
    ],
)
def test_anything_else_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(Rejected) as refused:
        load_object(raw)
    assert refused.value.reason == reason
    assert str(refused.value) == "rejected"
    assert refused.value.__context__ is None or refused.value.__suppress_context__


@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_no_octets_raise_anything_but_rejected(raw: bytes) -> None:
    try:
        value = load_object(raw)
    except Rejected:
        return
    assert all(not isinstance(item, float) or math.isfinite(item) for item in value.values())
