"""Scope values (RFC 6749 section 3.3)."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.protocol.errors import OAuthError
from service.protocol.scopes import MAX_SCOPES, grant_scopes, parse_scope

token = st.text([chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"\\'], min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("read", ("read",)),
        ("write read", ("write", "read")),
        ("read read write read", ("read", "write")),
        (" read   write ", ("read", "write")),
        ("urn:x:y/z?a=b&c#d ~!", ("urn:x:y/z?a=b&c#d", "~!")),
    ],
)
def test_a_scope(text: str, scopes: tuple[str, ...]) -> None:
    assert parse_scope(text) == scopes


@pytest.mark.parametrize(
    "text",
    ["", " ", 'a"b', "a\\b", "a\x00b", "a\tb", "a\nb", "read\n", "é", "a\u00a0b"],
)
def test_a_malformed_scope(text: str) -> None:
    with pytest.raises(OAuthError) as caught:
        parse_scope(text)
    assert (caught.value.code, caught.value.description) == (
        "invalid_scope",
        "scope must be a list of scopes with spaces between them",
    )


def test_the_number_of_scopes_is_bounded() -> None:
    many = [f"s{n}" for n in range(MAX_SCOPES)]
    assert len(parse_scope(" ".join(many))) == MAX_SCOPES
    assert parse_scope(" ".join(many * 3)) == tuple(many)
    with pytest.raises(OAuthError, match="invalid_scope"):
        parse_scope(" ".join([*many, "more"]))
    with pytest.raises(OAuthError, match="invalid_scope"):
        parse_scope(" ".join(f"s{n}" for n in range(10_000)))


def outcome(parse: Callable[[], tuple[str, ...]]) -> tuple[str, ...] | str:
    try:
        return parse()
    except OAuthError as error:
        return error.code


@given(st.lists(token, min_size=1, max_size=20))
def test_what_is_joined_is_parsed(scopes: list[str]) -> None:
    assert parse_scope(" ".join(scopes)) == tuple(dict.fromkeys(scopes))


@given(st.text(max_size=50))
def test_any_text_is_a_scope_or_invalid_scope(text: str) -> None:
    scopes = outcome(lambda: parse_scope(text))
    assert scopes == "invalid_scope" or all(scopes)


def test_defaults_are_narrowed_to_what_is_meaningful() -> None:
    assert grant_scopes(None, ("a", "b", "c"), (), {"c", "a"}) == ("a", "c")
    assert grant_scopes(None, ("a",), ("a",), set()) == ()


def test_what_is_asked_for_is_narrowed_in_its_own_order() -> None:
    assert grant_scopes(("c", "a", "b"), (), ("a", "b", "c"), {"a", "c"}) == ("c", "a")


def test_what_may_not_be_asked_for() -> None:
    with pytest.raises(OAuthError) as caught:
        grant_scopes(("a", "z"), (), ("a",), {"a", "z"})
    assert (caught.value.code, caught.value.description) == (
        "invalid_scope",
        "scope has a value that the client may not request or that was not granted",
    )


def test_nothing_meaningful_is_left() -> None:
    with pytest.raises(OAuthError) as caught:
        grant_scopes(("a",), (), ("a",), {"b"})
    assert caught.value.description == "the requested resource has no scope 'a'"


@given(st.lists(token, min_size=1), st.lists(token), st.lists(token))
def test_never_more_than_was_asked_allowed_and_meaningful(
    asked: list[str], allowed: list[str], meaningful: list[str]
) -> None:
    granted = outcome(lambda: grant_scopes(tuple(asked), (), allowed, meaningful))
    if granted == "invalid_scope":
        assert not set(asked) <= set(allowed) or not set(asked) & set(meaningful)
    else:
        assert set(granted) == set(asked) & set(meaningful)
        assert set(granted) <= set(allowed)
