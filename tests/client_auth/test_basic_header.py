"""Reading a Basic credential (RFC 6749 section 2.3.1, RFC 7617)."""

import base64
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.client_auth.client_secret_basic import parse_basic
from service.client_auth.method import refused
from service.protocol.errors import OAuthError

text = st.text(st.characters(blacklist_categories=["Cs"], min_codepoint=0x20, blacklist_characters="\x7f"), min_size=1)


def header(pair: str | bytes, scheme: str = "Basic") -> str:
    return f"{scheme} " + base64.b64encode(pair.encode() if isinstance(pair, str) else pair).decode()


@pytest.mark.parametrize(
    ("pair", "read"),
    [
        ("id:secret", ("id", "secret")),
        ("id:", ("id", "")),
        ("id:a:b:", ("id", "a:b:")),
        ("a%3Ab:c%3Ad", ("a:b", "c:d")),
        ("a+b:c+d", ("a b", "c d")),
        ("a%2Bb:c%2bd", ("a+b", "c+d")),
        ("a%20b:%25", ("a b", "%")),
        ("%C3%A9:%E2%82%AC", ("é", "€")),
        ("id:!#$&'()*,/;=?@[]~", ("id", "!#$&'()*,/;=?@[]~")),
    ],
)
def test_a_credential(pair: str, read: tuple[str, str]) -> None:
    assert parse_basic(header(pair)) == read


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "bAsIc"])
def test_the_scheme_has_no_case(scheme: str) -> None:
    assert parse_basic(header("id:secret", scheme)) == ("id", "secret")


JUNK = {
    "empty": "",
    "scheme alone": "Basic",
    "scheme and space": "Basic ",
    "no scheme": base64.b64encode(b"id:secret").decode(),
    "other scheme": header("id:secret", "Bearer"),
    "scheme glued on": "Basicaa",
    "no base64": "Basic !!!!",
    "bad padding": "Basic aWQ6c2VjcmV0cw",
    "text behind the padding": "Basic aWQ6cw==aWQ6cw==",
    "white space inside": "Basic aWQ6 c2VjcmV0",
    "line end": "Basic aWQ6c2VjcmV0\n",
    "base64url": "Basic " + base64.urlsafe_b64encode(b"id:\xff\xfe\xfd").decode(),
    "two credentials": header("id:secret") + ", " + header("id:secret"),
    "beyond ASCII": "Basic \xe9\xe9\xe9\xe9",
    "beyond Latin-1": "Basic \u20ac",
    "raw UTF-8": header("é:secret"),
    "raw octets": header(b"id:\xff\xfe"),
    "escaped octets that are not UTF-8": header("id:%FF"),
    "half an escape": header("id:50%"),
    "escape of nothing": header("id:%zz"),
    "NUL": header(b"id:a\x00b"),
    "escaped NUL": header("id:a%00b"),
    "escaped line end": header("id:a%0D%0Ab"),
    "raw space": header("id:a b"),
    "no colon": header("idsecret"),
    "escaped colon alone": header("id%3Asecret"),
    "no id": header(":secret"),
    "nothing": header(""),
}


@pytest.mark.parametrize("name", JUNK)
def test_what_is_no_credential(name: str) -> None:
    with pytest.raises(OAuthError) as caught:
        parse_basic(JUNK[name])
    error = caught.value
    assert (error.code, error.status, error.description) == ("invalid_client", 401, refused("").description)
    assert error.reason in {"not Basic", "no id or no colon in Basic", "Basic is not base64 of ASCII"} | {
        "a parameter is not form-urlencoded: write special characters as %XX",
        "a parameter is not UTF-8",
        "a parameter has a control character",
    }


@given(text, text, st.sampled_from([quote, quote_plus]))
def test_what_a_client_encodes_is_read_back(client_id: str, secret: str, encode: object) -> None:
    assert callable(encode)
    pair = f"{encode(client_id, safe='')}:{encode(secret, safe='')}"
    assert parse_basic(header(pair)) == (client_id, secret)


@given(st.binary(max_size=100))
def test_any_octets_in_base64_are_a_credential_or_invalid_client(octets: bytes) -> None:
    check("Basic " + base64.b64encode(octets).decode())


@given(st.text(max_size=100))
def test_any_header_is_a_credential_or_invalid_client(value: str) -> None:
    check(value)
    check("Basic " + value)


def outcome(value: str) -> OAuthError | tuple[str, str]:
    try:
        return parse_basic(value)
    except OAuthError as error:
        return error


def check(value: str) -> None:
    got = outcome(value)
    if isinstance(got, OAuthError):
        assert (got.code, got.description) == ("invalid_client", refused("").description)
        assert got.__suppress_context__
    else:
        assert got[0]
