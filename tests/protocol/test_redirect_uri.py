"""Redirect URIs: compared character by character, but for the port on loopback (RFC 8252 section 7.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.protocol.errors import OAuthError
from service.protocol.redirect_uri import choose_redirect_uri

WEB = "https://app.example.com/back"
V4, V6 = "http://127.0.0.1/callback", "http://[::1]:8080/callback?x=1"
CUSTOM = "com.example.app:/back"
ALL = (WEB, V4, V6, CUSTOM)


def refused(registered: tuple[str, ...], named: str | None) -> str:
    with pytest.raises(OAuthError) as caught:
        choose_redirect_uri(registered, named)
    assert caught.value.code == "invalid_request"
    return caught.value.description


@pytest.mark.parametrize("uri", ALL)
def test_what_is_registered(uri: str) -> None:
    assert choose_redirect_uri(ALL, uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:1/callback",
        "http://127.0.0.1:49152/callback",
        "http://127.0.0.1:65535/callback",
        "http://[::1]/callback?x=1",
        "http://[::1]:9/callback?x=1",
    ],
)
def test_any_port_of_loopback(uri: str) -> None:
    assert choose_redirect_uri(ALL, uri) == uri


def test_one_that_need_not_be_named() -> None:
    assert choose_redirect_uri((WEB,), None) == WEB
    assert refused(ALL, None) == refused((), None) == "redirect_uri is missing"


@pytest.mark.parametrize("port", ["", "0", "00080", "65536", "99999", "1e3", "80 ", "-1", "٣"])
def test_a_port_that_is_none(port: str) -> None:
    refused(ALL, f"http://127.0.0.1:{port}/callback")


@given(st.text(max_size=60))
def test_nothing_else_is_ever_chosen(uri: str) -> None:
    for named in (uri, WEB + uri, V4 + uri, f"http://127.0.0.1:{uri}/callback", f"http://127.0.0.1{uri}"):
        if named not in ALL and not named.removeprefix("http://127.0.0.1:").removesuffix("/callback").isdecimal():
            refused(ALL, named)
