"""Rich authorization requests (RFC 9396): what an element may say."""

import json
from functools import partial
from typing import Any

import pytest

from service.config.front import DetailType
from service.protocol.authorization_details import MAX_ELEMENTS, narrow_details, read_details
from service.protocol.errors import OAuthError

TYPES = {
    kind.type: kind
    for kind in (
        DetailType(type="payment", members=("amount", "creditor"), required=("amount",)),
        DetailType(type="accounts", members=("actions", "locations", "datatypes", "privileges", "identifier")),
        DetailType(type="other"),
    )
}
PAYMENT: dict[str, Any] = {"type": "payment", "amount": {"value": "9.00", "currency": "EUR"}}
ACCOUNTS: dict[str, Any] = {"type": "accounts", "actions": ["list"], "identifier": "a1"}


def read(*elements: Any) -> list[dict[str, Any]]:
    return read_details(json.dumps(elements), TYPES, ("payment", "accounts"))


def refusal(text: str, granted: list[dict[str, Any]] | None = None) -> str:
    narrow = None if granted is None else partial(narrow_details, granted=granted)
    judge = narrow or partial(read_details, types=TYPES, allowed=("payment", "accounts"))
    with pytest.raises(OAuthError) as caught:
        judge(text)
    assert caught.value.code == "invalid_authorization_details"
    return caught.value.description


def test_elements_are_carried_as_they_are() -> None:
    elements = [PAYMENT, ACCOUNTS, PAYMENT, {"type": "accounts"}]
    assert read(*elements) == elements


@pytest.mark.parametrize(
    "element", [{}, {"type": "unknown"}, {"type": "other"}, {"type": 1}, {"type": ["payment"]}, {"type": None}]
)
def test_a_type_that_is_not_for_the_client(element: dict[str, Any]) -> None:
    assert refusal(json.dumps([PAYMENT, element])).startswith("authorization_details has a type that is unknown")


@pytest.mark.parametrize(
    "element",
    [{"type": "payment"}, {**PAYMENT, "more": 1}, {**PAYMENT, "Amount": 1}, {"type": "payment", "creditor": 1}],
)
def test_members_too_many_or_too_few(element: dict[str, Any]) -> None:
    assert refusal(json.dumps([element])).endswith("has an unknown member or lacks a required one")


@pytest.mark.parametrize("name", ["actions", "locations", "datatypes", "privileges", "identifier"])
@pytest.mark.parametrize("value", [{}, [1], [["list"]], 1, None])
def test_common_members_of_the_wrong_kind(name: str, value: Any) -> None:
    assert refusal(json.dumps([{"type": "accounts", name: value}])).endswith("of the wrong JSON type")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "null",
        '"payment"',
        "[",
        "[]]",
        json.dumps(PAYMENT),
        '[{"type":"payment","amount":1,"amount":2}]',
        '[{"type":"payment","amount":1e999}]',
        '[{"type":"payment","amount":18446744073709551616}]',
        '[{"type":"payment","amount":"\\ud800"}]',
        '[{"type":"payment","amount":' + "[" * 9 + "]" * 9 + "}]",
        '[{"type":"payment","amount":"' + "9" * 4000 + '"}]',
        "[" * 2000,
    ],
)
def test_what_is_not_such_json(text: str) -> None:
    assert refusal(text) == "authorization_details is not a valid JSON array"


@pytest.mark.parametrize("elements", [[], [1], [PAYMENT, None], [{"type": "accounts"}] * (MAX_ELEMENTS + 1)])
def test_what_is_no_array_of_a_few_objects(elements: list[Any]) -> None:
    assert refusal(json.dumps(elements)) == "authorization_details must be an array of 1 to 20 objects"


def test_a_token_request_names_some_of_what_was_granted() -> None:
    granted = [PAYMENT, ACCOUNTS]
    assert narrow_details(None, granted) == granted
    assert narrow_details(json.dumps([ACCOUNTS]), granted) == [ACCOUNTS]
    assert narrow_details(json.dumps([ACCOUNTS, PAYMENT]), granted) == [ACCOUNTS, PAYMENT]


@pytest.mark.parametrize(
    "element",
    [
        {**PAYMENT, "amount": {"value": "9.01", "currency": "EUR"}},
        {"type": "payment"},
        {**ACCOUNTS, "actions": ["list", "read"]},
        {**ACCOUNTS, "actions": []},
        {"type": "accounts"},
    ],
)
def test_anything_else_is_more_than_was_granted(element: dict[str, Any]) -> None:
    assert (
        refusal(json.dumps([element]), [PAYMENT, ACCOUNTS])
        == "authorization_details has an element that was not granted"
    )
    assert refusal(json.dumps([element]), []) == "authorization_details has an element that was not granted"
