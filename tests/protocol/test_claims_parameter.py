"""The `claims` parameter (OpenID Connect Core section 5.5)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.protocol.claims_parameter import MAX_CHARS, MAX_CLAIMS, read_claims
from service.protocol.errors import OAuthError


def read(value: Any) -> dict[str, Any]:
    return read_claims(json.dumps(value))


def test_the_example_of_the_specification() -> None:
    asked = {
        "userinfo": {
            "given_name": {"essential": True},
            "nickname": None,
            "http://example.info/claims/groups": None,
        },
        "id_token": {
            "auth_time": {"essential": True},
            "acr": {"values": ["urn:mace:incommon:iap:silver"]},
            "sub": {"value": "248289761001"},
        },
    }
    assert read(asked) == asked


@pytest.mark.parametrize("value", [1, None, {"deep": 1}, ["silver"], 1.5, False])
def test_values_are_any_json(value: Any) -> None:
    asked = {"id_token": {"acr": {"value": value, "values": [value]}}}
    assert read(asked) == asked


def test_what_is_not_known_is_left_out() -> None:
    assert read({"id_token": {"email": {"purpose": "why", "essential": False}}, "access_token": {"x": 1}}) == {
        "id_token": {"email": {}}
    }
    assert read({"id_token": None, "userinfo": {}}) == {"userinfo": {}}
    assert read({}) == {}


@pytest.mark.parametrize(
    "value",
    [
        [],
        1,
        "x",
        None,
        {"id_token": []},
        {"userinfo": "email"},
        {"id_token": {"email": 1}},
        {"id_token": {"email": "essential"}},
        {"id_token": {"email": [None]}},
        {"id_token": {"acr": {"values": "silver"}}},
        {"id_token": {str(n): None for n in range(MAX_CLAIMS + 1)}},
        {"id_token": {"x" * MAX_CHARS: None}},
    ],
)
def test_what_is_malformed(value: Any) -> None:
    with pytest.raises(OAuthError) as caught:
        read(value)
    assert (caught.value.code, caught.value.description) == (
        "invalid_request",
        "claims is not a valid JSON object of claim requests",
    )


@pytest.mark.parametrize(
    "text",
    ["", "{", "{}x", '{"id_token":{},"id_token":{}}', "\ufeff{}", '{"id_token":{"a":NaN}}', '{"x":' * 900, "{" * 1999],
)
def test_what_is_not_json(text: str) -> None:
    with pytest.raises(OAuthError, match="invalid_request"):
        read_claims(text)


@given(
    st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda v: st.dictionaries(st.text(), v), max_leaves=9)
)
def test_whatever_is_read_is_read_again(value: Any) -> None:
    text = json.dumps(value)
    try:
        claims = read_claims(text)
    except OAuthError:
        return
    assert read(claims) == claims
    assert claims.keys() <= {"id_token", "userinfo"}
