"""The shape of every kind is for ever: what one release hands out, all later ones open.

The samples in frozen.json are never changed. A new kind, or a new field, brings samples of its own; the tables here
are only ever appended to.
"""

import inspect
import json
from pathlib import Path

import msgspec
import pytest

from keys import KeyPair, SigningKey
from service.bags import kinds
from service.bags.base64url import decode
from service.bags.kinds import KINDS, AccessToken, AuthorizationCode, Bag, Grant, RefreshToken
from service.bags.sign import access_token as read_claims
from tests.bags.samples import ISSUER, NOW, access_token, authorization_code, bag_key, instants, refresh_token, snapshot

FROZEN = json.loads(Path(__file__).with_name("frozen.json").read_text())

COMMON = ("iss", "jti", "iat", "exp")
# kind: (tag, typ, fields that need a value, fields that have a default), each in the order of the array
SHAPES = {
    "AccessToken": (
        1,
        "at+bag",
        (*COMMON, "sub", "client_id", "aud"),
        ("scope", "auth_time", "acr", "amr", "cnf", "act", "authorization_details", "claims"),
    ),
    "AuthorizationCode": (2, "code+bag", (*COMMON, "grant"), ("redirect_uri", "challenge", "nonce")),
    "RefreshToken": (3, "rt+bag", (*COMMON, "grant"), ("parent", "until")),
    "Grant": (
        None,
        None,
        ("family", "client", "sub", "scope"),
        ("resources", "memory", "auth_time", "acr", "amr", "cnf", "authorization_details", "claims"),
    ),
}
TYPES = {
    "iss": str,
    "jti": str,
    "iat": int,
    "exp": int,
    "sub": str,
    "client_id": str,
    "aud": tuple[str, ...],
    "scope": str,
    "auth_time": int,
    "acr": str,
    "amr": tuple[str, ...],
    "family": str,
    "resources": tuple[str, ...],
    "memory": str,
    "redirect_uri": bytes,
    "challenge": bytes,
    "nonce": str,
    "parent": str,
    "until": int,
    "grant": Grant,
}

SMALL_GRANT = Grant(family="f", client=b"\1\2", sub="s", scope="r")
FULL_GRANT = Grant(
    family="fam",
    client=bytes(16),
    sub="alice",
    scope="openid read",
    resources=("https://a.example", "https://b.example"),
    memory="mem-1",
    auth_time=NOW,
    acr="loa2",
    amr=("pwd", "otp"),
    cnf={"jkt": "thumb"},
    authorization_details=[{"type": "pay"}],
    claims={"k": 1},
)
SMALL = {"iss": ISSUER, "jti": "j", "iat": 1, "exp": 2}
SMALL_TOKEN = AccessToken(**SMALL, sub="s", client_id="c", aud=("a",))
FULL_TOKEN = AccessToken(
    iss=ISSUER,
    jti="fam.jti",
    iat=NOW,
    exp=NOW + 600,
    sub="alice",
    client_id="app",
    aud=("https://a.example", "https://b.example"),
    scope="read",
    auth_time=NOW - 10,
    acr="loa2",
    amr=("pwd", "otp"),
    cnf={"x5t#S256": "thumb"},
    act={"sub": "admin"},
    authorization_details=[{"type": "pay"}],
    claims={"tenant": "t|1", "n": [1, 2.5, None, True]},
)
PAYLOADS = {
    "access token, required fields": SMALL_TOKEN,
    "access token, every field": FULL_TOKEN,
    "authorization code, required fields": AuthorizationCode(**SMALL, grant=SMALL_GRANT),
    "authorization code, every field": AuthorizationCode(
        iss=ISSUER,
        jti="jti",
        iat=NOW,
        exp=NOW + 60,
        grant=FULL_GRANT,
        redirect_uri=bytes(range(16)),
        challenge=bytes(range(32)),
        nonce="nonce",
    ),
    "refresh token, required fields": RefreshToken(**SMALL, grant=SMALL_GRANT),
    "refresh token, every field": RefreshToken(
        iss=ISSUER,
        jti="jti",
        iat=NOW,
        exp=NOW + 30 * 86_400,
        grant=FULL_GRANT,
        parent="parent",
        until=NOW + 90 * 86_400,
    ),
}
TEXTS = {
    "access token, sealed": access_token(),
    "authorization code": authorization_code(grant=SMALL_GRANT, nonce=""),
    "refresh token": refresh_token(grant=SMALL_GRANT),
    "access token, signed": access_token(),
    "access token, signed and sealed to a resource server": access_token(),
}


def payload_of(bag):
    return msgspec.msgpack.decode(msgspec.msgpack.encode(bag))


@pytest.mark.parametrize("name", FROZEN["payloads"])
def test_every_payload_ever_made_decodes(name):
    expected = PAYLOADS[name]
    assert msgspec.msgpack.decode(bytes.fromhex(FROZEN["payloads"][name]), type=type(expected)) == expected


def test_every_set_of_claims_ever_signed_decodes():
    assert read_claims(FROZEN["claims"]["required"].encode()) == SMALL_TOKEN
    assert read_claims(FROZEN["claims"]["every"].encode()) == FULL_TOKEN


@pytest.mark.parametrize("name", FROZEN["texts"])
def test_every_text_ever_handed_out_opens(name):
    pair = KeyPair.from_jwk("ES256", FROZEN["signing_key"])
    ring = snapshot(SigningKey(alg="ES256", kid="270115-sig234", pair=pair, **instants()), bag_key())
    assert ring.open(FROZEN["texts"][name], KINDS, NOW) == TEXTS[name]


def test_every_kind_has_frozen_samples():
    assert {type(bag) for bag in PAYLOADS.values()} == {type(bag) for bag in TEXTS.values()} == set(KINDS)
    assert PAYLOADS.keys() == FROZEN["payloads"].keys()
    assert TEXTS.keys() == FROZEN["texts"].keys()


def test_every_kind_is_in_the_table_of_kinds():
    defined = {kind for _, kind in inspect.getmembers(kinds, inspect.isclass) if issubclass(kind, Bag)} - {Bag}
    assert defined == set(KINDS)
    assert len(KINDS) == len(defined)


@pytest.mark.parametrize("kind", [*KINDS, Grant], ids=lambda kind: kind.__name__)
def test_a_kind_only_grows_at_its_end(kind):
    tag, typ, required, optional = SHAPES[kind.__name__]
    assert kind.__struct_config__.tag == tag
    assert getattr(kind, "TYP", None) == typ
    assert kind.__struct_config__.array_like
    assert not kind.__struct_config__.forbid_unknown_fields
    assert kind.__struct_fields__[: len(required) + len(optional)] == (*required, *optional)
    fields = msgspec.structs.fields(kind)
    assert [field.name for field in fields if field.required] == list(required)
    assert all(field.type == TYPES[field.name] for field in fields if field.name in TYPES)


def test_no_tag_and_no_typ_serves_twice():
    assert len({kind.__struct_config__.tag for kind in KINDS}) == len(KINDS)
    assert len({kind.TYP for kind in KINDS} | {"at+jwt", "JWT"}) == len(KINDS) + 2


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_bag_of_a_later_release_with_one_more_field_opens(name):
    bag = PAYLOADS[name]
    later = msgspec.msgpack.encode([*payload_of(bag), {"field": "of tomorrow"}])
    assert msgspec.msgpack.decode(later, type=type(bag)) == bag


def test_a_grant_of_a_later_release_opens_inside_its_bag():
    bag = PAYLOADS["refresh token, every field"]
    payload = payload_of(bag)
    payload[5].append("of tomorrow")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(payload), type=RefreshToken) == bag


@pytest.mark.parametrize("other", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", PAYLOADS)
def test_the_tag_alone_keeps_kinds_apart(name, other):
    bag = PAYLOADS[name]
    if other is not type(bag):
        with pytest.raises(msgspec.ValidationError):
            msgspec.msgpack.decode(msgspec.msgpack.encode(bag), type=other)


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_bag_without_one_of_its_required_fields_does_not_decode(name):
    bag = PAYLOADS[name]
    required = len(SHAPES[type(bag).__name__][2])
    for length in range(required + 1):
        with pytest.raises(msgspec.ValidationError):
            msgspec.msgpack.decode(msgspec.msgpack.encode(payload_of(bag)[:length]), type=type(bag))


def test_bags_are_frozen():
    for bag in PAYLOADS.values():
        with pytest.raises(AttributeError):
            bag.exp = 2**40


def test_the_frozen_texts_have_one_header_per_kind():
    heads = {name: json.loads(decode(text.partition(".")[0].encode())) for name, text in FROZEN["texts"].items()}
    assert heads["access token, sealed"] == {"alg": "A256KW", "enc": "A256GCM", "kid": "270115-bag234", "typ": "at+bag"}
    assert heads["access token, signed"] == {"alg": "ES256", "kid": "270115-sig234", "typ": "at+jwt"}
    assert len({head["typ"] for head in heads.values()}) == len(heads)
