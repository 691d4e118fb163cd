"""base64url: every value has one spelling, and no other is read."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satchel_jose.base64url import decode, encode
from satchel_jose.errors import Rejected

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.binary(max_size=100))
def test_what_is_written_is_read(data: bytes) -> None:
    assert encode(data) == base64.urlsafe_b64encode(data).rstrip(b"=")
    assert decode(encode(data)) == data


@given(st.text(ALPHABET.decode(), max_size=60) | st.text(max_size=20))
def test_what_is_read_would_be_written_so(text: str) -> None:
    segment = text.encode()
    with contextlib.suppress(Rejected):
        assert encode(decode(segment)) == segment


def test_of_the_last_characters_one_in_four_or_sixteen_is_right() -> None:
    for start, right in ((b"AAA", 64), (b"AA", 16), (b"A", 4), (b"", 0)):
        read = 0
        for character in ALPHABET:
            with contextlib.suppress(Rejected):
                decode(start + bytes([character]))
                read += 1
        assert read == right


@pytest.mark.parametrize(
    "text", ["=", "AA==", "AAA=", "AA\n", " AA", "A A", "A+A/", "AAAAA", "\0\0", "é", "AA=A", "===="]
)
def test_every_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(Rejected):
        decode(text.encode())
