"""Sealing: jwcrypto is the oracle in both directions, and nothing but the exact text opens."""

import itertools
import os
import re

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto import jwe, jwk

from keys import SealingKey
from satchel_jose.base64url import decode, encode
from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.seal import seal, unseal
from tests.worlds.bags import ALPHABET, bag_key, other_spellings

KEY = bag_key()
RAW_HEADER = b'{"alg":"A256KW","enc":"A256GCM","kid":"k","typ":"t"}'
HEADER = encode(RAW_HEADER)
PLAINTEXT = b"what a bag may hold"


def rest_of(text):
    header, _, rest = text.partition(b".")
    assert header == HEADER
    return rest


def refused(rest, header=HEADER, key=KEY):
    with pytest.raises(BadBag) as caught:
        unseal(header, key, rest)
    assert str(caught.value) == "rejected"
    return caught.value.reason


@pytest.mark.parametrize("plaintext", [b"", b"\0", PLAINTEXT, bytes(16), bytes(range(256)) * 20])
def test_what_was_sealed_opens(plaintext):
    assert unseal(HEADER, KEY, rest_of(seal(HEADER, KEY, plaintext))) == plaintext


def test_jwcrypto_opens_what_we_seal():
    parsed = jwe.JWE()
    parsed.deserialize(seal(HEADER, KEY, PLAINTEXT).decode(), jwk.JWK(**KEY.secret_jwk()))
    assert parsed.payload == PLAINTEXT
    assert parsed.jose_header == {"alg": "A256KW", "enc": "A256GCM", "kid": "k", "typ": "t"}


def test_we_open_what_jwcrypto_seals_under_our_header():
    made = jwe.JWE(PLAINTEXT, protected=RAW_HEADER.decode(), recipient=jwk.JWK(**KEY.secret_jwk()))
    assert unseal(HEADER, KEY, rest_of(made.serialize(compact=True).encode())) == PLAINTEXT


def test_it_opens_under_its_own_key_and_header_only():
    rest = rest_of(seal(HEADER, KEY, PLAINTEXT))
    assert refused(rest, key=bag_key(secret=os.urandom(32))) == "not authentic"
    assert refused(rest, header=encode(RAW_HEADER.replace(b'"t"', b'"u"'))) == "not authentic"
    assert refused(rest, header=b"") == "not authentic"


def test_every_bit_of_every_segment_counts():
    segments = rest_of(seal(HEADER, KEY, PLAINTEXT)).split(b".")
    for at, segment in enumerate(segments):
        raw = decode(segment)
        for bit in range(8 * len(raw)):
            changed = (int.from_bytes(raw) ^ 1 << bit).to_bytes(len(raw))
            assert refused(b".".join([*segments[:at], encode(changed), *segments[at + 1 :]])) == "not authentic"


@pytest.mark.parametrize(("at", "length"), [(0, 40), (1, 12), (3, 16)])
def test_segments_have_one_length_each(at, length):
    segments = rest_of(seal(HEADER, KEY, PLAINTEXT)).split(b".")
    assert len(decode(segments[at])) == length
    for other in {0, 1, length - 8, length - 4, length - 1, length + 1, length + 8, 2 * length}:
        changed = encode((decode(segments[at]) * 2)[:other])
        assert refused(b".".join([*segments[:at], changed, *segments[at + 1 :]])) == "segment length"


def test_a_key_of_another_length_wrapped_by_us_is_refused_by_its_length():
    for length in (16, 24, 40):
        cek = os.urandom(length)
        iv = os.urandom(12)
        sealed = AESGCM(cek[:32] if length == 40 else cek).encrypt(iv, PLAINTEXT, HEADER)
        assert refused(b".".join(map(encode, (KEY.wrap(cek), iv, sealed[:-16], sealed[-16:])))) == "segment length"


def test_there_are_four_segments_after_the_header():
    rest = rest_of(seal(HEADER, KEY, PLAINTEXT))
    segments = rest.split(b".")
    for count in (0, 1, 2, 3):
        assert refused(b".".join(segments[:count])) == "segment count"
    for longer in (b"." + rest, rest + b".", rest + b"." + segments[3], rest.replace(b".", b".."), b"." * 100_000):
        assert refused(longer) == "segment count"


def test_one_value_has_one_spelling():
    segments = rest_of(seal(HEADER, KEY, PLAINTEXT)).decode().split(".")
    for at, segment in enumerate(segments):
        standard = segment.replace("-", "+").replace("_", "/")
        others = [*other_spellings(segment), segment + "=", segment + "==", segment + "\n", " " + segment]
        others += [standard] if standard != segment else []
        for other in others:
            text = ".".join([*segments[:at], other, *segments[at + 1 :]])
            assert refused(text.encode()) in ("not canonical base64url", "not base64url")


def test_base64url_has_exactly_as_many_spellings_as_values():
    opened = {}
    for length in (1, 2):
        for characters in itertools.product(ALPHABET + "+/= .", repeat=length):
            segment = "".join(characters).encode()
            try:
                opened[segment] = decode(segment)
            except BadBag:
                continue
    assert len(opened) == 256 == len(set(opened.values()))
    assert all(encode(data) == segment for segment, data in opened.items())


@given(st.binary(max_size=100))
def test_base64url_is_its_own_inverse(data):
    assert decode(encode(data)) == data


@given(st.binary(max_size=40))
def test_base64url_takes_nothing_that_it_does_not_write(segment):
    try:
        assert encode(decode(segment)) == segment
    except BadBag as fault:
        assert fault.reason in ("not base64url", "not canonical base64url")  # noqa: PT017


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_badbag(rest):
    refused(rest)


def test_equal_bags_share_nothing_but_the_header():
    texts = [seal(HEADER, KEY, PLAINTEXT).split(b".") for _ in range(100)]
    for at in range(1, 5):
        assert len({segments[at] for segments in texts}) == 100


def test_a_wrapped_key_is_never_the_key_itself(monkeypatch):
    ceks = []
    wrap = SealingKey.wrap

    def spy(key, cek):
        ceks.append(cek)
        return wrap(key, cek)

    monkeypatch.setattr(SealingKey, "wrap", spy)
    _, wrapped, iv, ciphertext, tag = seal(HEADER, KEY, PLAINTEXT).split(b".")
    assert ceks[0] not in decode(wrapped)
    assert AESGCM(ceks[0]).decrypt(decode(iv), decode(ciphertext) + decode(tag), HEADER) == PLAINTEXT


def test_ids_are_128_bits_in_22_characters():
    ids = [fresh_id() for _ in range(5000)]
    assert len(set(ids)) == 5000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", one) and len(decode(one.encode())) == 16 for one in ids)
