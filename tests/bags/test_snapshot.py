"""One snapshot of the keys: what it opens, what it refuses, and for how long it believes what it has verified."""

import os
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto import jwk

from keys import NoActiveKey, Policy, Ring, revoke, rotate
from service.bags import snapshot as module
from service.bags.errors import BadBag, ExpiredBag
from service.bags.kinds import KINDS, AccessToken, AuthorizationCode, Bag, RefreshToken
from service.bags.nested import Recipient
from service.bags.seal import seal
from service.bags.sign import access_claims, sign
from service.bags.snapshot import AT_JWT, INTROSPECTION_JWT, MAX_CHARS, Snapshot
from tests.worlds.bags import (
    ALPHABET,
    BAGS,
    DAY,
    ISSUER,
    NOW,
    access_token,
    authorization_code,
    bag_key,
    pair,
    signing_key,
    snapshot,
)

RECIPIENT = Recipient.from_jwk(jwk.JWK.generate(kty="EC", crv="P-256", kid="rs-1").export_public(as_dict=True))
FORMATS = {
    "jwt": lambda ring, token, now=NOW: ring.sign(token, "ES256", now),
    "jwe": lambda ring, token, now=NOW: ring.sign_and_seal(token, "ES256", RECIPIENT, now),
    "bag": lambda ring, token, now=NOW: ring.seal(token, now),
}
each_format = pytest.mark.parametrize("form", FORMATS)


def refused(ring, text, kinds=KINDS, now=NOW):
    with pytest.raises(BadBag) as caught:
        ring.open(text, kinds, now)
    assert type(caught.value) is BadBag
    assert str(caught.value) == "rejected"
    return caught.value.reason


class Counted:
    """A key pair that counts how often it is asked."""

    def __init__(self, alg="ES256"):
        self.inner = pair(alg)
        self.alg, self.has_private, self.jwk, self.sign = alg, True, self.inner.jwk, self.inner.sign
        self.verified = 0

    def public_jwk(self):
        return self.inner.public_jwk()

    def verify(self, signature, data):
        self.verified += 1
        return self.inner.verify(signature, data)


# --- what goes in comes out


@pytest.mark.parametrize("bag", BAGS, ids=lambda bag: type(bag).__name__)
def test_every_kind_opens_as_what_it_was(bag):
    ring = snapshot()
    text = ring.seal(bag, NOW)
    for kinds in ((type(bag),), KINDS, {type(bag)}, frozenset(KINDS)):
        assert ring.open(text, kinds, NOW) == bag
        assert type(ring.open(text, kinds, NOW)) is type(bag)


@each_format
def test_every_format_of_an_access_token_opens_as_what_it_was(form):
    ring = snapshot()
    token = access_token(claims={"tenant": "t-1"}, cnf={"jkt": "x"}, act={"sub": "a"}, amr=("pwd",))
    text = FORMATS[form](ring, token)
    assert ring.open(text, (AccessToken,), NOW) == token
    assert ring.open(text, (AccessToken,), NOW + 599.9) == token


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "RS256", "PS256", "ES384"])
def test_every_algorithm(alg):
    ring = snapshot(signing_key(alg), bag_key())
    assert ring.open(ring.sign(access_token(), alg, NOW), (AccessToken,), NOW) == access_token()
    nested = ring.sign_and_seal(access_token(), alg, RECIPIENT, NOW)
    assert ring.open(nested, (AccessToken,), NOW) == access_token()


# --- wrong kind


@pytest.mark.parametrize("bag", BAGS, ids=lambda bag: type(bag).__name__)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_bag_opens_only_where_its_kind_belongs(bag, kind):
    ring = snapshot()
    text = ring.seal(bag, NOW)
    if kind is type(bag):
        assert ring.open(text, (kind,), NOW) == bag
    else:
        assert refused(ring, text, (kind,)) == f"{type(bag).__name__} does not belong here"
        assert refused(ring, text, ()) == f"{type(bag).__name__} does not belong here"


@pytest.mark.parametrize("form", ["jwt", "jwe"])
def test_a_signed_access_token_opens_only_as_an_access_token(form):
    ring = snapshot()
    text = FORMATS[form](ring, access_token())
    for kinds in ((), (AuthorizationCode,), (RefreshToken,), (AuthorizationCode, RefreshToken)):
        assert refused(ring, text, kinds) == "unknown header"
        ring.open(text, (AccessToken,), NOW)  # now it is among the verified
        assert refused(ring, text, kinds) == "unknown header"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("bag", BAGS, ids=lambda bag: type(bag).__name__)
def test_a_payload_under_the_header_of_another_kind(bag, kind):
    """Nobody but us can make it; were we to, the tag in the payload still tells."""
    ring = snapshot()
    header = ring.seal(next(one for one in BAGS if type(one) is kind), NOW).partition(".")[0].encode()
    text = seal(header, bag_key(), msgspec.msgpack.encode(bag)).decode()
    if kind is type(bag):
        assert ring.open(text, (kind,), NOW) == bag
    else:
        assert refused(ring, text) == "payload"


@pytest.mark.parametrize(
    "payload", [b"", b"\x90", b"\xc0", b"\xff", b"\x91" * 4000, b"\xa4\xff\xff\xff\xff", bytes(50)]
)
def test_an_authentic_payload_that_is_none_of_ours(payload):
    header = snapshot().seal(access_token(), NOW).partition(".")[0].encode()
    assert refused(snapshot(), seal(header, bag_key(), payload).decode()) == "payload"


def test_an_authentic_payload_that_is_not_utf_8():
    ring = snapshot()
    header = ring.seal(access_token(), NOW).partition(".")[0].encode()
    payload = msgspec.msgpack.encode(access_token()).replace(b"123456789", b"12345\xff789")
    assert refused(ring, seal(header, bag_key(), payload).decode()) == "payload"


# --- time


@pytest.mark.parametrize("bag", BAGS, ids=lambda bag: type(bag).__name__)
def test_an_expired_bag_comes_with_its_exception(bag):
    ring = snapshot(signing_key(), bag_key(expires=NOW + 90 * DAY))
    text = ring.seal(bag, NOW)
    assert ring.open(text, KINDS, bag.exp - 0.001) == bag
    for now in (bag.exp, bag.exp + 0.5, bag.exp + DAY):
        with pytest.raises(ExpiredBag) as caught:
            ring.open(text, KINDS, now)
        assert caught.value.bag == bag
        assert caught.value.reason == "expired"
        assert str(caught.value) == "rejected"


@each_format
def test_an_expired_token_stays_expired_however_often_it_is_shown(form):
    ring = snapshot()
    text = FORMATS[form](ring, access_token())
    assert ring.open(text, (AccessToken,), NOW) == access_token()
    for _ in range(3):
        with pytest.raises(ExpiredBag) as caught:
            ring.open(text, (AccessToken,), NOW + 600)
        assert caught.value.bag == access_token()
    assert ring.open(text, (AccessToken,), NOW - 1) == access_token()  # the clock was stepped back: alive again


def test_an_expired_bag_of_another_kind_or_issuer_is_not_shown():
    ring = snapshot()
    text = ring.seal(authorization_code(), NOW)
    assert refused(ring, text, (AccessToken,), NOW + DAY) == "AuthorizationCode does not belong here"
    assert refused(snapshot(issuer="https://staging.example.com"), text, KINDS, NOW + DAY) == "issuer"


@each_format
def test_when_a_key_has_expired_nothing_opens_whatever_its_exp(form):
    ring = snapshot(signing_key(), bag_key())
    token = access_token(exp=NOW + 365 * DAY)
    text = FORMATS[form](ring, token)
    end = NOW + 60 * DAY
    assert ring.open(text, (AccessToken,), end - 1) == token
    assert refused(ring, text, (AccessToken,), end) in ("key expired", "unknown key")
    assert refused(ring, text, (AccessToken,), end + DAY) in ("key expired", "unknown key")


def test_a_nested_token_needs_both_keys_alive():
    token = access_token(exp=NOW + 365 * DAY)
    text = snapshot().sign_and_seal(token, "ES256", RECIPIENT, NOW)
    short, later = NOW + 40 * DAY, NOW + 50 * DAY
    assert refused(snapshot(signing_key(expires=short), bag_key()), text, now=later) == "key expired"
    assert refused(snapshot(signing_key(), bag_key(expires=short)), text, now=later) == "unknown key"


# --- whose it is


@each_format
def test_keys_copied_from_staging_open_nothing_in_production(form):
    staging = snapshot(issuer="https://staging.example.com")
    text = FORMATS[form](staging, access_token(iss="https://staging.example.com"))
    assert staging.open(text, (AccessToken,), NOW).iss == "https://staging.example.com"
    production = snapshot()
    assert refused(production, text) == "issuer"
    assert refused(production, text) == "issuer"  # verified by now, and still not ours


@each_format
@pytest.mark.parametrize("issuer", [ISSUER + "/", ISSUER.upper(), ISSUER + ".evil.test", ISSUER[:-1], ""])
def test_the_issuer_is_compared_whole(form, issuer):
    text = FORMATS[form](snapshot(), access_token(iss=issuer))
    assert refused(snapshot(), text) == "issuer"


@each_format
def test_other_keys_of_the_same_kid_open_nothing(form):
    text = FORMATS[form](snapshot(), access_token())
    foreign = type(pair("ES256")).generate("ES256")
    others = snapshot(replace(signing_key(), pair=foreign), bag_key(secret=os.urandom(32)))
    assert refused(others, text) in ("not authentic", "does not open")


@each_format
def test_other_kids_of_the_same_keys_open_nothing(form):
    text = FORMATS[form](snapshot(), access_token())
    others = snapshot(signing_key(kid="another"), bag_key(kid="one-more"))
    assert refused(others, text) in ("unknown key", "unknown header", "not a nested token of ours")


def test_a_nested_tokens_key_must_be_a_bag_key():
    """`ak` names a kid; that of a signing key unwraps nothing."""
    text = snapshot(signing_key(), bag_key(kid="twin")).sign_and_seal(access_token(), "ES256", RECIPIENT, NOW)
    assert refused(snapshot(signing_key(kid="twin"), bag_key()), text) == "unknown key"


# --- rotation


@each_format
def test_what_a_retired_key_made_opens_until_it_expires(form):
    policy = Policy(period=20 * DAY, sig_life=5 * DAY, bag_life=5 * DAY)
    ring = rotate(Ring(), policy, NOW)
    token = access_token(exp=NOW + 365 * DAY)
    text = FORMATS[form](Snapshot(ring, ISSUER), token)
    old = {ring.signer("ES256", NOW).kid, ring.sealer(NOW).kid}
    now = NOW + 21 * DAY
    ring = rotate(ring, policy, now)
    assert {ring.by_kid(kid).state(now) for kid in old} == {"retired"}
    assert ring.signer("ES256", now).kid not in old
    assert ring.sealer(now).kid not in old
    assert Snapshot(ring, ISSUER).open(text, (AccessToken,), now) == token
    assert Snapshot(ring, ISSUER).open(FORMATS[form](Snapshot(ring, ISSUER), token, now), KINDS, now) == token
    last = min(ring.by_kid(kid).expires for kid in old)
    assert Snapshot(ring, ISSUER).open(text, (AccessToken,), last - 1) == token
    assert refused(Snapshot(ring, ISSUER), text, now=last) in ("key expired", "unknown key")
    gone = Snapshot(rotate(ring, policy, last), ISSUER)
    assert refused(gone, text, now=last) in ("unknown key", "unknown header", "not a nested token of ours")


@each_format
def test_a_standby_opens_what_a_node_with_a_faster_clock_has_made(form):
    ring = rotate(Ring(), Policy(period=20 * DAY), NOW)
    text = FORMATS[form](Snapshot(ring, ISSUER), access_token(), NOW + 20 * DAY)
    assert Snapshot(ring, ISSUER).open(text, (AccessToken,), NOW) == access_token()


def test_no_active_key():
    ring = snapshot(signing_key("EdDSA"), bag_key())
    with pytest.raises(NoActiveKey) as caught:
        ring.sign(access_token(), "ES256", NOW)
    assert (caught.value.purpose, caught.value.alg) == ("sig", "ES256")
    with pytest.raises(NoActiveKey):
        ring.sign_and_seal(access_token(), "ES256", RECIPIENT, NOW)
    for wrong in (NOW - 2 * DAY, NOW + 30 * DAY):
        with pytest.raises(NoActiveKey):
            ring.seal(access_token(), wrong)
        with pytest.raises(NoActiveKey):
            ring.sign(access_token(), "EdDSA", wrong)
    without_bag_key = snapshot(signing_key())
    with pytest.raises(NoActiveKey):
        without_bag_key.seal(access_token(), NOW)
    with pytest.raises(NoActiveKey):
        without_bag_key.sign_and_seal(access_token(), "ES256", RECIPIENT, NOW)


def test_an_empty_ring_opens_nothing_and_breaks_nothing():
    empty = Snapshot(Ring(), ISSUER)
    for form in FORMATS:
        assert refused(empty, FORMATS[form](snapshot(), access_token()))


def test_a_public_half_alone_still_verifies():
    text = snapshot().sign(access_token(), "ES256", NOW)
    public = snapshot(replace(signing_key(), pair=pair("ES256").public()), bag_key())
    assert public.open(text, (AccessToken,), NOW) == access_token()
    with pytest.raises(NoActiveKey):
        public.sign(access_token(), "ES256", NOW)


# --- the cache of verified tokens


def counting():
    pair_ = Counted()
    return pair_, snapshot(replace(signing_key(), pair=pair_), bag_key())


@pytest.mark.parametrize("form", ["jwt", "jwe"])
def test_a_token_is_verified_once(form):
    asked, ring = counting()
    text = FORMATS[form](ring, access_token())
    opened = [ring.open(text, (AccessToken,), NOW) for _ in range(5)]
    assert opened == [access_token()] * 5
    assert asked.verified == 1


def test_a_new_snapshot_of_the_same_ring_starts_with_nothing_verified():
    asked, ring = counting()
    text = ring.sign(access_token(), "ES256", NOW)
    ring.open(text, (AccessToken,), NOW)
    again = Snapshot(ring.ring, ISSUER)
    assert again._opened == {}
    again.open(text, (AccessToken,), NOW)
    assert asked.verified == 2


@pytest.mark.parametrize("form", ["jwt", "jwe"])
def test_a_revoked_keys_verified_tokens_die_with_the_snapshot(form):
    policy = Policy()
    ring = rotate(Ring(), policy, NOW)
    old = Snapshot(ring, ISSUER)
    text = FORMATS[form](old, access_token())
    assert old.open(text, (AccessToken,), NOW) == access_token()
    new = Snapshot(revoke(ring, ring.signer("ES256", NOW).kid, policy, NOW), ISSUER)
    assert refused(new, text) in ("unknown header", "not a nested token of ours")
    assert old.open(text, (AccessToken,), NOW) == access_token()  # a request that began before sees one ring throughout


def test_a_revoked_bag_key_opens_neither_its_bags_nor_the_nested():
    policy = Policy()
    ring = rotate(Ring(), policy, NOW)
    old = Snapshot(ring, ISSUER)
    texts = [old.seal(bag, NOW) for bag in BAGS] + [FORMATS["jwe"](old, access_token())]
    new = Snapshot(revoke(ring, ring.sealer(NOW).kid, policy, NOW), ISSUER)
    for text in texts:
        old.open(text, KINDS, NOW)
        refused(new, text)


def test_the_cache_is_bounded_and_forgets_the_oldest(monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED", 10)
    asked, ring = counting()
    texts = [ring.sign(access_token(jti=str(n)), "ES256", NOW) for n in range(25)]
    for n, text in enumerate(texts):
        ring.open(text, (AccessToken,), NOW)
        assert len(ring._opened) == min(n + 1, 10)
    assert asked.verified == 25
    for text in texts[15:]:
        ring.open(text, (AccessToken,), NOW)
    assert asked.verified == 25
    assert ring.open(texts[0], (AccessToken,), NOW).jti == "0"
    assert asked.verified == 26
    assert len(ring._opened) == 10


def test_the_bound_is_a_few_thousand():
    assert 1000 <= module._REMEMBERED <= 10_000


def test_what_is_refused_is_never_cached():
    asked, ring = counting()
    text = ring.sign(access_token(), "ES256", NOW)
    other = ring.sign(access_token(jti="other"), "ES256", NOW)
    crossed = text.rpartition(".")[0] + "." + other.rpartition(".")[2]
    for _ in range(3):
        assert refused(ring, crossed) == "not authentic"
    assert asked.verified == 3
    assert ring._opened == {}
    ring.open(text, (AccessToken,), NOW)
    assert refused(ring, crossed) == "not authentic"


@pytest.mark.parametrize("form", ["jwt", "jwe"])
def test_a_verdict_outlives_neither_exp_nor_the_key(form):
    ring = snapshot()
    short, long = access_token(), access_token(exp=NOW + 365 * DAY)
    texts = [FORMATS[form](ring, token) for token in (short, long)]
    for text in texts:
        ring.open(text, (AccessToken,), NOW)
    assert sorted(until for _, until in ring._opened.values()) == [short.exp, NOW + 60 * DAY]
    with pytest.raises(ExpiredBag):
        ring.open(texts[0], (AccessToken,), short.exp)
    assert refused(ring, texts[1], now=NOW + 60 * DAY) in ("key expired", "unknown key")


def test_the_cache_keeps_no_token_text():
    ring = snapshot()
    text = ring.sign(access_token(), "ES256", NOW)
    ring.open(text, (AccessToken,), NOW)
    assert [len(digest) for digest in ring._opened] == [32]
    assert text.encode() not in ring._opened


# --- the table of headers


def test_every_header_is_matched_whole():
    ring = snapshot()
    for form in FORMATS:
        head, _, rest = FORMATS[form](ring, access_token()).partition(".")
        for other in (head[:-4], head + "AAAA", head + "=", " " + head, head.swapcase(), head[:-1], "", head * 2):
            assert refused(ring, f"{other}.{rest}")


def test_two_meanings_of_one_header_are_refused_at_the_start(monkeypatch):
    class Twin(Bag, frozen=True, array_like=True, tag=99):
        TYP = AuthorizationCode.TYP

    monkeypatch.setattr(module, "KINDS", (*KINDS, Twin))
    with pytest.raises(ValueError, match=r"two meanings of one header: code\+bag under key 270115-bag234"):
        snapshot()


def test_a_shape_that_is_read_twice_is_refused_at_the_start(monkeypatch):
    monkeypatch.setattr(module, "encode", lambda _: b"the same for all")
    with pytest.raises(ValueError, match="two meanings of one header"):
        snapshot()


def test_one_kid_for_a_signing_and_a_bag_key_is_refused_by_the_ring():
    with pytest.raises(ValueError, match="have the same kid"):
        snapshot(signing_key(kid="same"), bag_key(kid="same"))


def test_there_is_one_header_for_each_kind_and_key():
    keys = (signing_key(), signing_key("EdDSA", kid="two"), bag_key(), bag_key(kid="three"))
    ring = snapshot(*keys)
    assert len(ring._signed) == 2
    assert len(ring._sealed) == 2 * len(KINDS)
    emitted = list(ring._headers.values())
    assert len(emitted) == len(set(emitted))
    assert ring._signed.keys() | ring._sealed.keys() <= set(emitted)


def test_what_is_signed_for_others_is_no_access_token():
    ring = snapshot()
    answer = ring.sign_claims(INTROSPECTION_JWT, access_claims(access_token()), "ES256", NOW)
    refused(ring, answer)
    assert (
        ring.open(ring.sign_claims(AT_JWT, access_claims(access_token()), "ES256", NOW), KINDS, NOW) == access_token()
    )


def test_a_header_of_a_signing_key_never_names_a_bag_and_the_reverse():
    ring = snapshot()
    assert not ring._signed.keys() & ring._sealed.keys()
    signed_under_a_bag_header = sign(next(iter(ring._sealed)), signing_key(), access_claims(access_token())).decode()
    sealed_under_a_signed_header = seal(next(iter(ring._signed)), bag_key(), msgspec.msgpack.encode(access_token()))
    assert refused(ring, signed_under_a_bag_header) == "segment count"
    assert refused(ring, sealed_under_a_signed_header.decode()) == "segment count"


# --- limits, and text of every kind


def test_length_comes_first():
    ring = snapshot()
    text = ring.seal(access_token(), NOW)
    assert refused(ring, text + "A" * MAX_CHARS) == "too long"
    assert refused(ring, "." * 1_000_000) == "too long"
    assert refused(ring, "." * MAX_CHARS)
    assert refused(ring, "é" * (MAX_CHARS + 1)) == "too long"
    long = access_token(claims={"pad": "x" * (MAX_CHARS * 3 // 4 - 500)})
    assert ring.open(ring.seal(long, NOW), (AccessToken,), NOW) == long


@pytest.mark.parametrize("text", ["é", "\ud800", "a.b\udfff.c", "٣.٣.٣", "\N{FULLWIDTH FULL STOP}" * 4, "😀"])
def test_text_beyond_ascii(text):
    assert refused(snapshot(), text) == "not ASCII"
    assert refused(snapshot(), snapshot().seal(access_token(), NOW) + text) == "not ASCII"


RING = snapshot()
VALID = {
    **{form: FORMATS[form](RING, access_token()) for form in FORMATS},
    "code": RING.seal(authorization_code(), NOW),
}


def warm(ring):
    """The snapshot, once it has verified every valid token."""
    for text in VALID.values():
        ring.open(text, KINDS, NOW)
    return ring


WARM = warm(snapshot())


@each_format
@pytest.mark.parametrize("ring", [RING, WARM], ids=["cold", "warm"])
def test_no_change_of_any_one_character_opens(form, ring):
    text = VALID[form]
    for at, character in enumerate(text):
        n = ALPHABET.find(character)
        for other in {ALPHABET[n ^ 1], ALPHABET[n ^ 32], ".", "="} - {character}:
            refused(ring, text[:at] + other + text[at + 1 :])
        refused(ring, text[:at] + text[at + 1 :])
        refused(ring, text[:at] + character + text[at:])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(VALID)), st.data())
def test_no_mutation_of_a_valid_token_opens(name, data):
    text = VALID[name]
    at = data.draw(st.integers(0, len(text) - 1))
    to = data.draw(st.integers(at, len(text)))
    part = data.draw(st.text(ALPHABET + ".=+/ \n\0é", max_size=5))
    mutated = data.draw(
        st.sampled_from(
            [
                text[:at] + part + text[to:],
                text[:to] + text[at:],
                text[:at] + text[at:to][::-1] + text[to:],
                text[to:] + text[:at],
                text[:at] + text[at:to].swapcase() + text[to:],
                text[:at] + part + text[at:],
            ]
        )
    )
    if mutated != text:
        refused(RING, mutated)
        refused(WARM, mutated)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(VALID)), st.sampled_from(sorted(VALID)), st.data())
def test_no_segment_of_another_token_fits(name, other, data):
    """Segments swapped within a token, or with another of its own."""
    segments = VALID[name].split(".")
    another = RING.seal(access_token(jti="x"), NOW)
    pool = [*segments, *VALID[other].split("."), *another.split(".")[1:], ""]
    mixed = ".".join(data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=6)))
    if mixed not in (*VALID.values(), another):
        refused(WARM, mixed)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.text(ALPHABET + ".", max_size=200))
def test_no_text_raises_anything_but_badbag(text):
    refused(RING, text)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(VALID)), st.text(ALPHABET + ".=", max_size=200) | st.text(max_size=50))
def test_no_text_after_a_header_of_ours_raises_anything_but_badbag(name, rest):
    refused(RING, f"{VALID[name].partition('.')[0]}.{rest}")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=100))
def test_no_authentic_payload_raises_anything_but_badbag(payload):
    """Whatever we may seal or sign by mistake, opening it is not the place to fall over."""
    for header, (kind, key, _) in RING._sealed.items():
        assert kind in KINDS
        refused(RING, seal(header, key, payload).decode())
    for header, key in RING._signed.items():
        refused(RING, sign(header, key, payload).decode())
