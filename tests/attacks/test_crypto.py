"""The attacks on the operation of cryptography (numbers as in docs/attacks.md), and what CXF's provider taught."""

import base64
import itertools
import json
import os
import traceback

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keys import Ring, SealingKey, SigningKey
from satchel_jose.base64url import decode, encode
from service.app import load
from service.bags import nested, randomness
from service.bags.errors import BadBag, ExpiredBag
from service.bags.ids import fresh_id
from service.bags.kinds import (
    KINDS,
    AccessToken,
    ApiTicket,
    AuthorizationCode,
    Bag,
    Browser,
    DeviceApproval,
    DeviceCode,
    LoginTicket,
    LogoutTicket,
    PersonalClaims,
    PushedRequest,
    RefreshToken,
    Session,
    TokenTicket,
    Verdict,
)
from service.bags.nested import Recipient
from service.bags.snapshot import Snapshot
from service.clients.registry import Registry
from service.config import Client, ClientSecret, ConfigError
from tests.worlds.bags import (
    BAGS,
    GRANT,
    ISSUER,
    NOW,
    access_token,
    authorization_code,
    bag_key,
    refresh_token,
    signing_key,
    snapshot,
)
from tests.worlds.http import basic
from tests.worlds.token_formats import APP, NAMES, OTHER, RS, SECRETS, TokenFormats, recipient_keys, toml

RECIPIENTS = [Recipient.from_jwk(key.export_public(as_dict=True)) for key in recipient_keys().values()]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    return TokenFormats(tmp_path_factory.mktemp("every"))


# --- 88, 89: nothing is used twice


def test_88_no_content_key_is_used_twice(monkeypatch):
    wrapped = []
    wrap = SealingKey.wrap

    def spy(key, secret):
        wrapped.append(secret)
        return wrap(key, secret)

    monkeypatch.setattr(SealingKey, "wrap", spy)
    ring = snapshot()
    bags = [ring.seal(BAGS[n % len(BAGS)], NOW) for n in range(5000)]
    nests = nested_tokens(ring, 300)
    assert len(wrapped) == len(set(wrapped)) == 5300
    assert {len(secret) for secret in wrapped} == {32}
    ivs = [text.split(".")[2] for text in (*bags, *nests)]
    assert len(set(ivs)) == 5300
    # and the spied keys are those that the texts are under
    for text, secret in (*zip(bags[:20], wrapped, strict=False), *zip(nests[:20], wrapped[5000:], strict=False)):
        key = secret if text in bags else nested._content_key(secret)
        header, _, iv, ciphertext, tag = text.split(".")
        assert AESGCM(key).decrypt(
            decode(iv.encode()), decode(ciphertext.encode()) + decode(tag.encode()), header.encode()
        )


def test_88_one_bag_sealed_again_shares_nothing_with_itself():
    ring = snapshot()
    texts = [ring.seal(access_token(), NOW).split(".") for _ in range(500)]
    for at in range(1, 5):
        assert len({segments[at] for segments in texts}) == 500


def test_89_all_that_is_fresh_comes_from_the_kernel(monkeypatch):
    """With a kernel that repeats itself everything repeats: no other source is mixed in that a fork could share."""
    monkeypatch.setattr(os, "urandom", lambda count: bytes(count))
    monkeypatch.setattr(randomness, "_chunks", iter(()))
    ring = snapshot()
    assert fresh_id() == fresh_id() == "A" * 22
    assert ring.seal(access_token(), NOW) == ring.seal(access_token(), NOW)
    seeds = [json.loads(decode(text.partition(".")[0].encode()))["ak"] for text in nested_tokens(ring, 2)]
    assert seeds[0] == seeds[1]


def nested_tokens(ring, count):
    return [ring.sign_and_seal(access_token(), "ES256", RECIPIENTS[n % 3], NOW) for n in range(count)]


def in_children(count, work):
    """What `work(n)` gives in each of `count` processes forked from this one, as lists of lines."""
    children = []
    for n in range(count):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.close(read)
                with os.fdopen(write, "w") as pipe:
                    pipe.write("\n".join(work(n)))
                status = 0
            finally:
                os._exit(status)
        os.close(write)
        children.append((child, read))
    results = []
    for child, read in children:
        with os.fdopen(read) as pipe:
            results.append(pipe.read().split("\n"))
        assert os.waitpid(child, 0)[1] == 0
    return results


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_89_ids_ivs_and_content_keys_are_unique_across_forks(monkeypatch):
    ring = snapshot()
    ring.seal(access_token(), NOW)  # whatever is made ready once is made ready before the fork
    fresh_id()
    wrap = SealingKey.wrap

    def work(_):
        lines = []
        monkeypatch.setattr(SealingKey, "wrap", lambda key, cek: lines.append(cek.hex()) or wrap(key, cek))
        for n in range(300):
            lines.append(fresh_id())
            lines.append(ring.seal(access_token(), NOW).split(".")[2])
            if n % 10 == 0:
                lines.append(ring.sign_and_seal(access_token(), "ES256", RECIPIENTS[n % 3], NOW).split(".")[2])
        return lines

    results = in_children(4, work)
    everything = list(itertools.chain(*results))
    assert [len(lines) for lines in results] == [3 * 300 + 2 * 30] * 4
    assert len(set(everything)) == len(everything)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_89_jtis_of_issued_tokens_are_unique_across_forks(service):
    def work(_):
        return [service.opened(service.issue(name)).jti for name in ("es256", "bag") * 20]

    everything = list(itertools.chain(*in_children(3, work)))
    assert len(set(everything)) == len(everything) == 120


# --- 91: nothing secret is said


def material(ring):
    """Everything secret in a ring, as it could be spelled: JSON members, octets in hex, in base64, as integers."""
    for key in ring.keys:
        for name, value in key.secret_jwk().items():
            if name in ("kty", "crv", "x", "y", "n", "e"):
                continue
            octets = decode(value.encode())
            yield from (value, octets.hex(), base64.b64encode(octets).decode().rstrip("="), repr(octets)[2:-1])
            yield str(int.from_bytes(octets))


def pieces(token):
    """The segments of a token that prove anything; its header is no secret, nor is what is signed."""
    segments = token.split(".")
    return (segments[2],) if len(segments) == 3 else segments[1:]


def says_nothing(text, *secrets):
    for secret in secrets:
        assert len(secret) > 12
        assert secret not in text
        assert secret[4:-4] not in text


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A service that has lived through good and bad: (service, every secret of it, every text that it gave out)."""
    service = TokenFormats(tmp_path_factory.mktemp("session"))
    secrets = [*material(service.ring), *SECRETS.values()]
    for name, secret in SECRETS.items():
        secrets += [basic(name, secret)["Authorization"].partition(" ")[2]]
    issued = [service.issue(name) for name in NAMES for _ in range(2)]
    issued += [service.snapshot.seal(bag, NOW) for bag in BAGS]
    for token in issued:
        for caller in (RS, OTHER, APP):
            service.introspect(token, caller)
        for bad in (token[:-1], token + "A", token[::-1], token.replace(".", "", 1), f"{token}.{token}", "x" + token):
            service.introspect(bad, RS)
        service.post("/introspect", {"token": token}, {"Authorization": f"Bearer {token}"})
        service.post("/introspect", {"token": token, "client_id": "rs", "client_secret": token})
        service.post("/introspect", {"token": [token, token]}, RS)
        service.post(f"/introspect?token={token}", {"token": token}, RS)
        service.get(f"/introspect?token={token}")
        service.get(f"/{token}")
        service.post("/token", {"grant_type": token, "scope": token, "resource": token}, APP)
        service.post("/token", {"grant_type": "client_credentials", "scope": token}, APP)
        service.post("/token", {"grant_type": "client_credentials", "resource": token}, APP)
        service.request("POST", "/introspect", token.encode(), {**RS, "Content-Type": "text/plain"})
        service.request(token[:20].upper(), "/introspect", token.encode(), RS)
    for name, secret in SECRETS.items():
        for wrong in (secret + "x", secret[:-1], secret.upper() + "x"):
            service.post("/token", {"grant_type": "client_credentials"}, basic(name, wrong))
            service.post("/token", {"grant_type": "client_credentials", "client_id": name, "client_secret": wrong})
        service.post("/token", {"grant_type": "client_credentials", "client_id": name, "client_secret": secret})
        service.post("/token", {"grant_type": "client_credentials", "client_secret": secret}, basic(name, secret))
        service.post(f"/token?client_secret={secret}", b"", basic(name, secret))
        service.post("/token", b"client_secret=" + secret.encode() + b"&%", basic(secret, name))
        service.request("POST", "/token", b"", {"Authorization": f"Basic {name}:{secret}"})
        service.request("POST", "/token", b"", {"Authorization": f"ClientSecret {secret}"})
    secrets += [piece for token in issued for piece in pieces(token)]
    return service, secrets


def test_91_the_log_has_neither_token_nor_secret_nor_key(session):
    service, secrets = session
    log = b"".join(service.lines).decode()
    assert len(service.lines) > 400
    assert '"endpoint":"introspect"' in log
    assert '"client_id":"app"' in log
    says_nothing(log, *secrets)


def test_91_public_documents_metrics_and_health_say_nothing_secret(session):
    service, secrets = session
    for path in ("/metrics", "/jwks", "/healthz", "/readyz", "/.well-known/oauth-authorization-server"):
        answer = service.get(path)
        assert answer.status == 200
        says_nothing(answer.body.decode() + repr(answer.headers), *secrets)
    assert b"satchel_tokens_issued" in service.get("/metrics").body


def test_91_metrics_have_labels_of_our_own_making_only(session):
    """A label that a stranger could choose would fill the memory, and carry what he knows."""
    service, _ = session
    text = service.get("/metrics").body.decode()
    assert "AAAA" not in text
    assert text.count("satchel_requests_total{") < 100


def test_91_errors_do_not_echo_what_was_sent(session):
    service, secrets = session
    for value in ("canary-4711-canary", service.issue("bag")):
        answers = [
            service.post("/token", {"grant_type": value}, APP),
            service.post("/token", {"grant_type": "client_credentials", "scope": value}, APP),
            service.post("/token", {"grant_type": "client_credentials", "resource": value}, APP),
            service.post("/token", {"grant_type": "client_credentials", "client_id": value, "client_secret": value}),
            service.introspect(value, RS),
            service.introspect(value, basic(value, value)),
            service.get(f"/{value}"),
            service.request("POST", "/introspect", value.encode(), {**RS, "Content-Type": value}),
        ]
        for answer in answers:
            assert value not in answer.body.decode() + repr(answer.headers)
            says_nothing(answer.body.decode(), *secrets)


def test_91_reprs_show_no_secret(session):
    service, secrets = session
    recipient = RECIPIENTS[0]
    shown = [
        service.ring,
        *service.ring.keys,
        *(key.pair for key in service.ring.keys if isinstance(key, SigningKey)),
        service.snapshot,
        *service.snapshot._sealed.values(),
        *service.snapshot._signed.values(),
        service.config,
        *service.config.clients,
        *service.config.clients[0].secrets,
        service.config.keys,
        service.config.memory,
        Registry(service.config),
        *Registry(service.config).audiences.values(),
        service.store,
        recipient,
        BadBag("reason"),
        ExpiredBag(access_token()),
    ]
    for one in shown:
        for text in (repr(one), str(one), f"{one}", f"{one!r:>5}", repr([one]), repr({"x": one})):
            says_nothing(text, *secrets)
            for digest in (secret.sha256 for client in service.config.clients for secret in client.secrets):
                assert digest not in text


def test_91_a_secret_and_a_client_show_when_and_who():
    secret = ClientSecret(sha256="ab" * 32)
    client = Client(id="app", secrets=(secret,))
    assert "ab" * 5 not in repr(client)
    assert "app" in repr(client)
    assert repr(signing_key()).startswith("<SigningKey 270115-sig234 ES256")
    assert repr(bag_key()).startswith("<SealingKey 270115-bag234 A256KW")


def test_91_no_exception_carries_a_token_or_a_key(session):
    service, secrets = session
    caught = []
    for name in NAMES:
        token = service.issue(name)
        found = [*secrets, *pieces(token)]
        for bad in (
            token[:-1],
            token + "A",
            token[::-1],
            token.replace(".", "", 1),
            token[:-8] + "AAAAAAAA",
            "é" + token,
        ):
            for kinds in ((AccessToken,), (AuthorizationCode,), KINDS):
                with pytest.raises(BadBag) as fault:
                    service.snapshot.open(bad, kinds, service.now)
                text = "".join(traceback.format_exception(fault.value)) + repr(fault.value) + fault.value.reason
                says_nothing(text, *found)
                assert bad not in text
                assert fault.value.__suppress_context__ or fault.value.__context__ is None
                caught.append(fault.value.reason)
    assert len(set(caught)) > 5


@pytest.mark.parametrize(
    ("table", "value"),
    [
        ('[[clients]]\nid = "x"\nsecrets = [{ sha256 = "VALUE" }]', "the-secret-itself-pasted-0123456789"),
        ('[[clients]]\nid = "x"\nsecrets = [{ secret = "VALUE" }]', "the-secret-itself-pasted-0123456789"),
        ('[[clients]]\nid = "x"\nsecrets = ["VALUE"]', "the-secret-itself-pasted-0123456789"),
        ('[[clients]]\nid = "x"\nclient_secret = "VALUE"', "the-secret-itself-pasted-0123456789"),
        ('[memory]\nkind = "redis"\nurl = "http://user:VALUE@host:x/"', "password-of-the-memory"),
        ('[memory]\nkind = "redis"\nurl = "redis://user:VALUE@[host/"', "password-of-the-memory"),
        ('[[clients]]\nid = "x"\nsecrets = [{ sha256 = "VALUE }]', "the-secret-itself-pasted-0123456789"),
    ],
)
def test_91_a_refused_configuration_does_not_repeat_secrets(tmp_path, table, value):
    file = tmp_path / "satchel.toml"
    file.write_text(f'issuer = "{ISSUER}"\n{table.replace("VALUE", value)}\n')
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert value not in str(caught.value) + repr(caught.value) + repr(caught.value.problems)


def test_91_a_private_key_where_a_public_one_belongs_is_refused_and_not_repeated(tmp_path):
    key = recipient_keys()["p256"].export(as_dict=True)
    file = tmp_path / "satchel.toml"
    file.write_text(toml())
    public = recipient_keys()["p256"].export_public(as_dict=True)
    assert public["x"] in file.read_text()
    file.write_text(file.read_text().replace(f'"{public["x"]}"', f'"{public["x"]}", d = "{key["d"]}"', 1))
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert "encryption_key" in str(caught.value)
    assert key["d"] not in str(caught.value)


def test_91_no_plaintext_stays_behind_in_the_snapshot():
    """A snapshot remembers digests of access tokens and what they said; of codes and refresh tokens nothing."""
    ring = snapshot()
    for bag in BAGS:
        ring.open(ring.seal(bag, NOW), KINDS, NOW)
    assert {type(bag) for bag, _ in ring._opened.values()} == {AccessToken}


def test_91_the_line_of_an_issued_token_has_its_id_and_whose_it_is(session):
    service, _ = session
    del service.lines[:]
    token = service.issue("bag")
    entry = json.loads(service.lines[-1])
    assert entry["jti"] == service.opened(token).jti
    assert entry.keys() <= {"time", "id", "ms", "remote", "endpoint", "method", "status", "jti", "client_id"} | {
        "auth_method",
        "grant_type",
        "format",
        "subject",
        "audiences",
        "scopes",
        "expires",
    }


# --- what CXF's encrypting provider teaches: each of its faults, and why it cannot be here


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_cxf_codes_never_expired_by_default(kind):
    """Every kind has an end: there is no default for it, and no value that stands for never."""
    required = {field.name for field in msgspec.structs.fields(kind) if field.required}
    assert {"iss", "jti", "iat", "exp"} <= required
    ring = snapshot()
    bag = next(one for one in BAGS if type(one) is kind)
    for exp in (0, -1, NOW, NOW - 1):
        with pytest.raises(ExpiredBag):
            ring.open(ring.seal(replace(bag, exp=exp), NOW), KINDS, NOW)


def test_cxf_codes_replayed_for_ever():
    """Two codes of one grant have ids of their own, so that one of them can be spent; the text is no id."""
    ring = snapshot()
    one, two = (authorization_code(jti=fresh_id()) for _ in range(2))
    opened = [ring.open(ring.seal(code, NOW), (AuthorizationCode,), NOW) for code in (one, two, one)]
    assert opened[0].jti != opened[1].jti
    assert opened[0].jti == opened[2].jti
    assert opened[0].grant.memory == GRANT.memory


def test_cxf_revoked_tokens_still_decrypted():
    """What is opened is believed for as long as its key stands, and not a request longer."""
    ring = snapshot(signing_key(), bag_key(), bag_key(kid="new", secret=bytes(32), activates=NOW))
    texts = [ring.seal(bag, NOW) for bag in BAGS]
    assert all(ring.open(text, KINDS, NOW) for text in texts)
    without = Snapshot(Ring(key for key in ring.ring.keys if key.kid != "new"), ISSUER)
    for text in texts:
        with pytest.raises(BadBag):
            without.open(text, KINDS, NOW)


AWKWARD = [
    "|",
    "a|b",
    "||",
    "a|b|c|d|e|f|g|h|i|j|k|l",
    "\\|",
    "%7C",
    ",",
    "a,b",
    "=",
    "&",
    "\n",
    "\0",
    "\x1e",
    '"',
    "{",
    "",
    " ",
]
FIELDS = {
    AccessToken: ("jti", "sub", "client_id", "scope", "acr"),
    AuthorizationCode: ("jti", "nonce"),
    RefreshToken: ("jti",),
    PushedRequest: ("jti", "memory"),
    LoginTicket: ("jti", "browser", "memory", "pushed", "session", "sub", "device", "address"),
    Verdict: ("jti", "scope", "error"),
    Browser: ("jti",),
    Session: ("jti", "sid"),
    DeviceCode: ("jti", "client_id", "scope", "memory", "user_code"),
    DeviceApproval: ("jti",),
    PersonalClaims: ("jti", "sub"),
    LogoutTicket: ("jti", "browser", "sid", "redirect_uri", "state"),
    TokenTicket: ("jti", "client_id", "memory"),
    ApiTicket: ("jti", "memory", "pushed"),
}


@pytest.mark.parametrize("bag", BAGS, ids=lambda bag: type(bag).__name__)
@pytest.mark.parametrize("value", AWKWARD)
def test_cxf_fields_joined_with_a_bar_split_inside_values(bag, value):
    ring = snapshot()
    for name in FIELDS[type(bag)]:
        changed = replace(bag, **{name: value})
        assert ring.open(ring.seal(changed, NOW), (type(bag),), NOW) == changed
    changed = replace(bag, **dict.fromkeys(FIELDS[type(bag)], value))
    assert ring.open(ring.seal(changed, NOW), (type(bag),), NOW) == changed


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=10), min_size=8, max_size=8))
def test_cxf_no_value_runs_into_its_neighbour(values):
    ring = snapshot()
    family, sub, scope, memory, acr, one, two, nonce = values
    grant = replace(GRANT, family=family, sub=sub, scope=scope, memory=memory, acr=acr, resources=(one, two))
    for bag in (authorization_code(grant=grant, nonce=nonce), refresh_token(grant=grant, jti=nonce)):
        assert ring.open(ring.seal(bag, NOW), KINDS, NOW) == bag
    token = access_token(sub=sub, client_id=one, scope=scope, aud=(one, two), amr=(acr, nonce))
    assert ring.open(ring.sign(token, "ES256", NOW), (AccessToken,), NOW) == token


def test_cxf_lists_keep_their_number():
    ring = snapshot()
    for aud in ((), ("",), ("", ""), ("a,b",), ("a", "b"), ("a|b", "c"), ("a", "b|c"), ("a b",)):
        for text in (ring.seal(access_token(aud=aud), NOW), ring.sign(access_token(aud=aud), "ES256", NOW)):
            assert ring.open(text, (AccessToken,), NOW).aud == aud


def ciphertext(text):
    return decode(text.split(".")[3].encode())


def test_cxf_aes_in_ecb_shows_repetition():
    ring = snapshot()
    text = ring.seal(access_token(sub="A" * 1600), NOW)
    octets = ciphertext(text)
    blocks = [octets[at : at + 16] for at in range(0, len(octets) - 15, 16)]
    assert len(blocks) > 100
    assert len(set(blocks)) == len(blocks)
    assert ciphertext(ring.seal(access_token(sub="A" * 1600), NOW)) != octets


def test_cxf_aes_without_a_mac_lets_blocks_be_cut_and_pasted():
    ring = snapshot()
    plain, rich = (ring.seal(access_token(scope=scope), NOW) for scope in ("read " * 20, "admin" * 20))
    segments = plain.split(".")
    mine, theirs = ciphertext(plain), ciphertext(rich)
    for at in range(0, len(mine) - 16, 16):
        pasted = mine[:at] + theirs[at : at + 16] + mine[at + 16 :]
        swapped = mine[:at] + mine[at + 16 : at + 32] + mine[at : at + 16] + mine[at + 32 :]
        flipped = mine[:at] + bytes([mine[at] ^ 1]) + mine[at + 1 :]
        cut = mine[:at] + mine[at + 16 :]
        for other in (pasted, swapped, flipped, cut, mine + mine[at : at + 16]):
            with pytest.raises(BadBag) as caught:
                ring.open(".".join([*segments[:3], encode(other).decode(), segments[4]]), KINDS, NOW)
            assert caught.value.reason == "not authentic"


def test_cxf_the_pkce_method_lost_on_the_way():
    """There is no method to lose: a code holds the 32 octets of S256, and plain has no place to be."""
    assert {name for name in AuthorizationCode.__struct_fields__ if "method" in name} == set()
    ring = snapshot()
    for challenge in (bytes(range(32)), b"", b"\0" * 32):
        code = authorization_code(challenge=challenge)
        assert ring.open(ring.seal(code, NOW), (AuthorizationCode,), NOW).challenge == challenge


def test_cxf_one_decryption_for_tokens_of_every_kind():
    """A refresh token given as an access token, a code given as either."""
    ring = snapshot()
    for bag, kind in itertools.product(BAGS, KINDS):
        if type(bag) is not kind:
            with pytest.raises(BadBag):
                ring.open(ring.seal(bag, NOW), (kind,), NOW)
    assert all(issubclass(kind, Bag) for kind in KINDS)
