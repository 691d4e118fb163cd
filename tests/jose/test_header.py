"""Headers that somebody else has made."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satchel_jose.base64url import encode
from satchel_jose.errors import Rejected
from satchel_jose.header import MAX_HEADER_BYTES, read_header, read_jws_header

GOOD = {"alg": "ES256", "kid": "k", "typ": "JWT", "nonce": "n", "x5t": "ignored", "jwk": {}}


def segment(header: Any) -> bytes:
    return encode(header if isinstance(header, bytes) else json.dumps(header).encode())


def test_a_good_header_is_read() -> None:
    assert read_jws_header(segment(GOOD)) == GOOD
    assert read_jws_header(segment({"alg": "none"})) == {"alg": "none"}  # which algorithms are allowed is for others
    assert read_header(segment({"zip": "DEF"})) == {"zip": "DEF"}


@pytest.mark.parametrize(
    "member",
    ["crit", "b64", "zip", "enc", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", "jku", "x5u", "x5c"],
)
@pytest.mark.parametrize("value", [None, "", [], True])
def test_members_that_change_how_it_is_read_are_refused(member: str, value: Any) -> None:
    with pytest.raises(Rejected) as refused:
        read_jws_header(segment({**GOOD, member: value}))
    assert refused.value.reason == "header has a refused member"


@pytest.mark.parametrize(
    "change",
    [{"alg": None}, {"alg": ["ES256"]}, {"kid": None}, {"kid": ""}, {"kid": "k" * 257}, {"typ": None}, {"typ": 1}],
)
def test_members_of_the_wrong_kind_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        read_jws_header(segment({**GOOD, **change}))
    with pytest.raises(Rejected):
        read_jws_header(segment({name: value for name, value in GOOD.items() if name != "alg"}))


def test_the_size_is_bounded_before_anything_is_read() -> None:
    filled = {"alg": "ES256", "x": ""}
    filled["x"] = "x" * (MAX_HEADER_BYTES - len(json.dumps(filled)))
    assert read_jws_header(segment(filled)) == filled
    for long in (segment({**filled, "x": filled["x"] + "x"}), b"*" * 10**6):
        with pytest.raises(Rejected) as refused:
            read_jws_header(long)
        assert refused.value.reason == "header is too long"


@given(st.binary(max_size=80).map(encode) | st.binary(max_size=40))
def test_no_octets_raise_anything_but_rejected(octets: bytes) -> None:
    with pytest.raises(Rejected):
        read_jws_header(octets)
