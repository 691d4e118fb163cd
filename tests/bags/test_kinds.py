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
from satchel_jose.base64url import decode
from service.bags import kinds
from service.bags.kinds import (
    KINDS,
    AccessToken,
    ApiTicket,
    AuthorizationCode,
    AuthorizationRequest,
    Bag,
    Browser,
    DeviceApproval,
    DeviceCode,
    Grant,
    Login,
    LoginTicket,
    LogoutTicket,
    PersonalClaims,
    Property,
    PushedRequest,
    RefreshToken,
    Session,
    SessionClient,
    Terms,
    TokenTicket,
    Verdict,
)
from service.bags.sign import access_token as read_claims
from tests.worlds.bags import (
    BAGS,
    ISSUER,
    NOW,
    access_token,
    authorization_code,
    bag_key,
    instants,
    refresh_token,
    snapshot,
)

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
    "RefreshToken": (3, "rt+bag", (*COMMON, "grant"), ("until", "generation", "uses")),
    "Grant": (
        None,
        None,
        ("family", "client", "sub", "scope"),
        (
            *("resources", "memory", "auth_time", "acr", "amr", "cnf", "authorization_details", "claims"),
            *("asked", "terms"),
        ),
    ),
    "Property": (None, None, ("key",), ("value", "hidden")),
    "Terms": (None, None, (), ("properties", "claims", "access_life", "refresh_life")),
    "AuthorizationRequest": (
        None,
        None,
        ("client_id", "redirect_uri", "scope"),
        (
            *("state", "response_mode", "named", "challenge", "nonce", "resources", "dpop_jkt", "prompt", "max_age"),
            *("login_hint", "acr_values", "claims", "authorization_details", "ui_locales", "hint_sub"),
        ),
    ),
    "Login": (None, None, ("sub", "auth_time"), ("acr", "amr", "claims")),
    "SessionClient": (None, None, ("client",), ("scope",)),
    "PushedRequest": (4, "par+bag", (*COMMON, "client", "request"), ("memory",)),
    "LoginTicket": (
        5,
        "ticket+bag",
        (*COMMON, "request", "browser"),
        ("memory", "pushed", "session", "sub", "device", "address"),
    ),
    "Verdict": (6, "verdict+bag", (*COMMON, "ticket"), ("login", "scope", "authorization_details", "error")),
    "Browser": (7, "browser+bag", COMMON, ()),
    "Session": (8, "session+bag", (*COMMON, "sid", "login"), ("clients",)),
    "DeviceCode": (
        9,
        "device+bag",
        (*COMMON, "client_id", "scope"),
        ("resources", "memory", "cnf", "authorization_details", "user_code"),
    ),
    "DeviceApproval": (10, "approval+bag", COMMON, ("grant",)),
    "PersonalClaims": (11, "personal+bag", (*COMMON, "sub"), ("names", "claims", "properties")),
    "LogoutTicket": (12, "logout+bag", (*COMMON, "browser"), ("sid", "redirect_uri", "state")),
    "TokenTicket": (
        13,
        "tokenticket+bag",
        (*COMMON, "client_id", "scopes", "resources"),
        ("requested", "memory", "cnf", "terms"),
    ),
    "ApiTicket": (14, "apiticket+bag", (*COMMON, "request"), ("memory", "pushed")),
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
    "until": int,
    "generation": int,
    "uses": tuple[int, ...],
    "user_code": str,
}

OTHER_TYPES = {"AuthorizationRequest": {"redirect_uri": str}, "LogoutTicket": {"redirect_uri": str}}

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
OIDC_GRANT = msgspec.structs.replace(FULL_GRANT, asked=(("email",), ("phone_number",)))
TERMS = Terms((Property("tenant", "t|1"), Property("cost", "9", True)), {"plan": "gold"}, 300, 3600)
API_GRANT = msgspec.structs.replace(FULL_GRANT, terms=TERMS)
SMALL_REQUEST = AuthorizationRequest("c", "https://c.example/cb", "r")
FULL_REQUEST = AuthorizationRequest(
    client_id="app",
    redirect_uri="http://127.0.0.1:5000/cb",
    scope="openid read",
    state="s|1",
    response_mode="form_post",
    named=False,
    challenge=bytes(range(32)),
    nonce="nonce",
    resources=("https://a.example",),
    dpop_jkt="thumb",
    prompt=("login", "consent"),
    max_age=0,
    login_hint="alice",
    acr_values=("loa2", "loa1"),
    claims={"id_token": {"acr": {"essential": True}}},
    authorization_details=[{"type": "pay"}],
    ui_locales="de en",
    hint_sub="alice",
)
LOGIN = Login("alice", NOW, "loa2", ("pwd", "otp"), {"email": "alice@example.com"})
SMALL = {"iss": ISSUER, "jti": "j", "iat": 1, "exp": 2}
FULL_TICKET = LoginTicket(
    **SMALL,
    request=FULL_REQUEST,
    browser="b",
    memory="mem-1",
    pushed="par",
    session="sid",
    sub="alice",
    device="BCDFGHJK",
)
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
        until=NOW + 90 * 86_400,
        generation=7,
        uses=(NOW - 3, NOW - 20),
    ),
    "refresh token, the person's claims": RefreshToken(**SMALL, grant=OIDC_GRANT),
    "refresh token, the decision API's terms": RefreshToken(**SMALL, grant=API_GRANT),
    "pushed request, required fields": PushedRequest(**SMALL, client=bytes(16), request=SMALL_REQUEST),
    "pushed request, every field": PushedRequest(**SMALL, client=bytes(16), request=FULL_REQUEST, memory="mem-1"),
    "login ticket, required fields": LoginTicket(**SMALL, request=SMALL_REQUEST, browser="b"),
    "login ticket, every field": FULL_TICKET,
    "login ticket, where the request came from": msgspec.structs.replace(FULL_TICKET, address="192.0.2.7"),
    "verdict, required fields": Verdict(**SMALL, ticket=FULL_TICKET),
    "verdict, every field": Verdict(
        **SMALL,
        ticket=FULL_TICKET,
        login=LOGIN,
        scope="openid",
        authorization_details=[{"type": "pay"}],
        error="access_denied",
    ),
    "browser": Browser(**SMALL),
    "session, required fields": Session(**SMALL, sid="sid", login=Login("alice", 1)),
    "session, every field": Session(
        **SMALL, sid="sid", login=LOGIN, clients=(SessionClient(bytes(16)), SessionClient(bytes(range(16)), "openid"))
    ),
    "device code, required fields": DeviceCode(**SMALL, client_id="tv", scope="read"),
    "device code, every field": DeviceCode(
        **SMALL,
        client_id="tv",
        scope="openid read",
        resources=("https://a.example",),
        memory="mem-1",
        cnf={"jkt": "thumb"},
        authorization_details=[{"type": "pay"}],
    ),
    "device code, bound to its user code": DeviceCode(**SMALL, client_id="tv", scope="read", user_code="BCDF-GHJK"),
    "device approval, required fields": DeviceApproval(**SMALL),
    "device approval, every field": DeviceApproval(**SMALL, grant=FULL_GRANT),
    "personal claims, required fields": PersonalClaims(**SMALL, sub="alice"),
    "personal claims, every field": PersonalClaims(**SMALL, sub="alice", names=("email",), claims={"email": "a@b.c"}),
    "personal claims, properties": PersonalClaims(**SMALL, sub="alice", properties=TERMS.properties),
    "logout ticket, required fields": LogoutTicket(**SMALL, browser="b"),
    "logout ticket, every field": LogoutTicket(
        **SMALL, browser="b", sid="sid", redirect_uri="https://c.example/out", state="s"
    ),
    "token ticket, required fields": TokenTicket(**SMALL, client_id="c", scopes=("read",), resources=("a",)),
    "token ticket, every field": TokenTicket(
        **SMALL,
        client_id="c",
        scopes=("read", "write"),
        resources=("a",),
        requested=("read", "write", "vault"),
        memory="mem-1",
        cnf={"jkt": "thumb"},
        terms=TERMS,
    ),
    "api ticket, required fields": ApiTicket(**SMALL, request=SMALL_REQUEST),
    "api ticket, every field": ApiTicket(**SMALL, request=FULL_REQUEST, memory="mem-1", pushed="par"),
}
TEXTS = {
    "access token, sealed": access_token(),
    "authorization code": authorization_code(grant=SMALL_GRANT, nonce=""),
    "refresh token": refresh_token(grant=SMALL_GRANT),
    **{bag.TYP: bag for bag in BAGS[3:]},
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


@pytest.mark.parametrize(
    "kind", [*KINDS, Grant, AuthorizationRequest, Login, SessionClient, Property, Terms], ids=lambda kind: kind.__name__
)
def test_a_kind_only_grows_at_its_end(kind):
    tag, typ, required, optional = SHAPES[kind.__name__]
    assert kind.__struct_config__.tag == tag
    assert getattr(kind, "TYP", None) == typ
    assert kind.__struct_config__.array_like
    assert not kind.__struct_config__.forbid_unknown_fields
    assert kind.__struct_fields__[: len(required) + len(optional)] == (*required, *optional)
    fields = msgspec.structs.fields(kind)
    assert [field.name for field in fields if field.required] == list(required)
    types = TYPES | OTHER_TYPES.get(kind.__name__, {})
    assert all(field.type == types[field.name] for field in fields if field.name in types)


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
