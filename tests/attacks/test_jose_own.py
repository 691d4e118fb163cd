"""The JOSE attacks (numbers as in docs/attacks.md) on tokens of our own, shown at /introspect.

Wherever it can be, a forgery is signed or sealed with the service's real keys, so that it is refused for what it is and
not for a bad signature. Each is answered with the bytes that garbage is answered with, and leaves no trace of itself
in the log.
"""

import base64
import hmac
import json
import os
import re
import socket
import string

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto import jwe, jwk

from keys import KeyPair, SealingKey, SigningKey
from satchel_jose.base64url import decode, encode
from service.bags import nested
from service.bags.errors import BadBag
from service.bags.kinds import KINDS, AccessToken
from service.bags.seal import seal
from service.bags.sign import access_claims, sign
from service.bags.snapshot import Snapshot
from tests.worlds.bags import ALPHABET, authorization_code, front_bags, other_spellings, refresh_token
from tests.worlds.identifiers import ISSUER
from tests.worlds.quick import other_keys
from tests.worlds.token_formats import APP, NAMES, OTHER, RS, TokenFormats, resource

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
FORMATS = ("jwt", "jwe", "bag")
ISSUED = ("es256", "p256", "bag")
each_format = pytest.mark.parametrize("form", FORMATS)
each_issued = pytest.mark.parametrize("name", ISSUED)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    return TokenFormats(tmp_path_factory.mktemp("every"))


@pytest.fixture(scope="module")
def shown(service):
    """The service, and a token of each format that it issued and has seen."""
    issued = {name: service.issue(name) for name in ISSUED}
    for text in issued.values():
        accepted(service, text)
    return service, issued


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    other_keys()
    return TokenFormats(tmp_path_factory.mktemp("foreign"))


# --- forging with the real keys


def compact(value):
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def token(service, **other):
    members = {"iss": ISSUER, "jti": "forged", "iat": int(service.now), "exp": int(service.now) + 600}
    return AccessToken(**{**members, "sub": "app", "client_id": "app", "aud": (resource("es256"),), **other})


def signer(service, alg="ES256"):
    return service.ring.signer(alg, service.now)


def sealer(service):
    return service.ring.sealer(service.now)


def jwt_header(service, alg="ES256"):
    return {"alg": alg, "kid": signer(service, alg).kid, "typ": "at+jwt"}


def bag_header(service, typ="at+bag"):
    return {"alg": "A256KW", "enc": "A256GCM", "kid": sealer(service).kid, "typ": typ}


def forge_jwt(service, header=None, payload=None, alg="ES256"):
    header = jwt_header(service, alg) if header is None else header
    payload = access_claims(token(service)) if payload is None else compact(payload)
    return sign(encode(compact(header)), signer(service, alg), payload).decode()


def forge_bag(service, header=None, bag=None):
    header = bag_header(service) if header is None else header
    return seal(encode(compact(header)), sealer(service), msgspec.msgpack.encode(bag or token(service))).decode()


class Nest:
    """A nested token in the making; whoever knows the content key, as the recipient does, can make such."""

    def __init__(self, service, seed=None):
        self.seed = seed or os.urandom(32)
        self.ak = f"{sealer(service).kid}.{encode(sealer(service).wrap(self.seed)).decode()}"
        self.encrypted_key = os.urandom(40)
        self.header = {"typ": "JWT", "cty": "JWT", "enc": "A256GCM", "alg": "ECDH-ES+A256KW", "kid": "rs-p256"}
        self.header |= {"epk": {"kty": "OKP", "crv": "X25519", "x": "AAAA"}, "ak": self.ak}

    def text(self, inner, header=None, iv=None):
        head = encode(compact(self.header if header is None else header))
        iv = iv or nested._iv(self.encrypted_key)
        sealed = AESGCM(nested._content_key(self.seed)).encrypt(iv, inner.encode(), head)
        return b".".join([head, *map(encode, (self.encrypted_key, iv, sealed[:-16], sealed[-16:]))]).decode()


FORGE = {
    "jwt": lambda service: forge_jwt(service),
    "jwe": lambda service: Nest(service).text(forge_jwt(service)),
    "bag": lambda service: forge_bag(service),
}


def with_header(service, form, change):
    """A token of the format that is right in all but its header."""
    if form == "jwt":
        return forge_jwt(service, change(jwt_header(service)))
    if form == "bag":
        return forge_bag(service, change(bag_header(service)))
    nest = Nest(service)
    return nest.text(forge_jwt(service), change(nest.header))


# --- what must come of it


def quiet(service, text):
    """The log has a line, and nothing of the token in it."""
    assert service.lines
    for line in service.lines:
        entry = json.loads(line)
        assert re.fullmatch(r"[A-Za-z0-9 ,_]*", entry.get("reason", "")), entry
        said = json.dumps({name: value for name, value in entry.items() if name != "auth_method"})
        for part in re.findall(r"[A-Za-z0-9_-]{12,}", text[:20_000]):
            assert part[:12] not in said


def refused(service, *texts):
    for text in texts:
        with pytest.raises(BadBag) as caught:
            service.snapshot.open(text, (AccessToken,), service.now)
        assert str(caught.value) == "rejected"
        del service.lines[:]
        answer = service.shown(text)
        assert (answer.status, answer.body) == (200, b'{"active":false}')
        assert answer.headers == service.garbage.headers
        quiet(service, text)


def accepted(service, text):
    answer = service.shown(text)
    assert answer.status == 200
    assert answer.json()["active"] is True
    return answer.json()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_issued_is_active(service, name):
    assert accepted(service, service.issue(name))["aud"] == resource(name)


@each_format
def test_the_forger_makes_valid_tokens(service, form):
    assert accepted(service, FORGE[form](service))["jti"] == "forged"
    assert accepted(service, with_header(service, form, lambda header: header))["jti"] == "forged"


# --- 1-12, 24, 29, 30, 34, 35: headers that are not ours, letter for letter


def put(**members):
    return lambda header: {**header, **members}


def drop(name):
    return lambda header: {member: value for member, value in header.items() if member != name}


def raw(change):
    return lambda header: change(compact(header))


JWK = {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}
NONE = ["none", "None", "NONE", "noNE", "nOnE", "none ", " none", "none\0", ""]
OTHER_ALGS = [
    "HS256",
    "ES384",
    "ES512",
    "ES256K",
    "EdDSA",
    "RS256",
    "A256GCMKW",
    "dir",
    "RSA1_5",
    "RSA-OAEP",
    "ECDH-ES",
]
KIDS = ["", "../../etc/passwd", "' OR 1=1 --", "\0", "k" * 4000, "*", ".", "0", "a/b", "%2e", "\u0430"]
NO_NAMES = [None, True, 0, 1.5, [], {}, ["ES256"], {"alg": "ES256"}]
PEM = "-----BEGIN CERTIFICATE-----"
HEADERS = {
    **{f"01 alg {alg!r}": put(alg=alg) for alg in NONE},
    **{f"03 alg {alg}": put(alg=alg) for alg in OTHER_ALGS},
    "03 enc A128GCM": put(enc="A128GCM"),
    "03 enc A256CBC-HS512": put(enc="A256CBC-HS512"),
    "05 no kid": drop("kid"),
    **{f"06 kid {kid[:20]!r}": put(kid=kid) for kid in KIDS},
    **{f"06 kid {kid!r}": put(kid=kid) for kid in NO_NAMES},
    "07 jwk": put(jwk=JWK),
    "07 jwk null": put(jwk=None),
    "07 x5c": put(x5c=[PEM]),
    "07 x5t": put(x5t="x"),
    "08 jku": put(jku="http://127.0.0.1:9/jwks"),
    "08 x5u": put(x5u="http://127.0.0.1:9/x5u"),
    **{f"09 crit {crit!r}": put(crit=crit) for crit in (["exp"], [], ["b64", "b64"], "exp", None, {}, ["alg"])},
    "10 b64 false": put(b64=False),
    "10 b64 false, critical": put(b64=False, crit=["b64"]),
    "10 b64 true": put(b64=True),
    **{f"11 zip {zip_!r}": put(zip=zip_) for zip_ in ("DEF", "def", "", None)},
    "12 p2c": put(p2s="AAAA", p2c=2**31),
    "14 epk": put(epk={**JWK, "x": "AQ", "y": "AQ"}),
    "24 alg twice": raw(lambda text: text[:-1] + b',"alg":"none"}'),
    "24 kid twice, the same": raw(lambda text: text[:-1] + b',"typ":"at+jwt"}'),
    "24 alg twice, first another": raw(lambda text: b'{"alg":"none",' + text[1:]),
    "24 space after the colon": raw(lambda text: text.replace(b":", b": ", 1)),
    "24 space at the end": raw(lambda text: text + b" "),
    "24 line feed before": raw(lambda text: b"\n" + text),
    "24 tabs": lambda header: json.dumps(header, indent="\t").encode(),
    "24 sorted the other way": lambda header: dict(reversed(header.items())),
    "24 escaped name": raw(lambda text: text.replace(b'"alg"', b'"\\u0061lg"', 1)),
    "24 escaped value": raw(
        lambda text: text.replace(b'"typ":"', b'"typ":"\\u00', 1).replace(b"\\u00a", b"\\u0061", 1)
    ),
    "24 escaped slash": put(alg="ES256\\/"),
    "28 array": raw(lambda text: b"[" + text + b"]"),
    "28 null": raw(lambda _: b"null"),
    "28 nothing": raw(lambda _: b""),
    "28 empty": raw(lambda _: b"{}"),
    "28 cut": raw(lambda text: text[:-1]),
    "29 BOM": raw(lambda text: b"\xef\xbb\xbf" + text),
    "29 UTF-16": raw(lambda text: text.decode().encode("utf-16")),
    "29 UTF-32": raw(lambda text: text.decode().encode("utf-32-le")),
    "29 lone surrogate": raw(lambda text: text[:-1] + b',"x":"\\ud800"}'),
    "29 not UTF-8": raw(lambda text: text[:-1] + b',"x":"\xff"}'),
    "29 overlong": raw(lambda text: text[:-1] + b',"x":"\xc0\xae"}'),
    "30 4 kB more": put(x="x" * 3000),
    "34 no typ": drop("typ"),
    **{
        f"34 typ {typ!r}": put(typ=typ)
        for typ in (
            "AT+JWT",
            "At+Jwt",
            "application/at+jwt",
            "AT+BAG",
            "application/at+bag",
            "jwt",
            "at+jwt ",
            "",
            "at",
        )
    },
    **{f"34 typ {typ!r}": put(typ=typ) for typ in NO_NAMES},
    "34 cty": put(cty="at+jwt"),
    **{f"35 alg {alg!r}": put(alg=alg) for alg in NO_NAMES},
    **{f"35 enc {enc!r}": put(enc=enc) for enc in NO_NAMES},
    "an unknown member": put(x=1),
    "a claim in the header": put(iss=ISSUER),
}


# Of a nested token we read neither what is for its recipient nor how its JSON is spaced.
UNREAD = ("06 kid", "14 epk", "24 space at the end")


@pytest.mark.parametrize(
    ("form", "name"),
    [(form, name) for form in FORMATS for name in HEADERS if form != "jwe" or not name.startswith(UNREAD)],
)
def test_01_to_35_a_header_that_is_not_ours(service, form, name, monkeypatch):
    used = []
    monkeypatch.setattr(SigningKey, "verify", lambda *_: used.append("verify"))
    monkeypatch.setattr(SealingKey, "unwrap", lambda *_: used.append("unwrap") or bytes(32))
    monkeypatch.setattr(socket.socket, "connect", lambda *_: used.append("connect"))
    text = with_header(service, form, HEADERS[name])
    refused(service, text)
    assert used == []  # it is not even tried: no key is asked, nothing is fetched


@pytest.mark.parametrize("name", [name for name in HEADERS if name.startswith(UNREAD)])
def test_06_what_is_for_the_recipient_is_not_read(service, name):
    """Only who knows the content key can have written it, and the inner token is the same, jti and all."""
    text = with_header(service, "jwe", HEADERS[name])
    if len(text.partition(".")[0]) > nested.MAX_HEADER_BYTES:
        refused(service, text)
    else:
        assert accepted(service, text)["jti"] == "forged"


@pytest.mark.parametrize("kid", ["", "../k", "' OR 1=1 --", "\0", "k" * 1000, ".", "..", "a.b", "é", "\ud800"])
def test_06_the_kid_in_ak(service, kid):
    nest = Nest(service)
    wrapped = nest.ak.rpartition(".")[2]
    refused(service, nest.text(forge_jwt(service), {**nest.header, "ak": f"{kid}.{wrapped}"}))
    refused(service, nest.text(forge_jwt(service), {**nest.header, "ak": f"{signer(service).kid}.{wrapped}"}))


@pytest.mark.parametrize("ak", [*NO_NAMES, "", ".", "x", "x" * 500, "a.b.c"])
def test_35_ak_that_is_no_wrapped_key(service, ak):
    nest = Nest(service)
    refused(service, nest.text(forge_jwt(service), {**nest.header, "ak": ak}))


# --- 1, 2, 3, 4, 13, 32: other algorithms


@pytest.mark.parametrize("alg", NONE)
def test_01_unsigned(service, alg):
    claims = encode(access_claims(token(service))).decode()
    ours = encode(compact(jwt_header(service))).decode()
    none = encode(compact({**jwt_header(service), "alg": alg})).decode()
    bare = encode(compact({"alg": alg})).decode()
    for header in (ours, none, bare, ""):
        refused(service, f"{header}.{claims}.", f"{header}.{claims}", f"{header}.{claims}.AA", f"{header}..{claims}")


def public_spellings(service, alg):
    """All that a verifier could mistake for an HMAC secret, from what we publish."""
    entry = next(key for key in service.get("/jwks").json()["keys"] if key["kid"] == signer(service, alg).kid)
    public = jwk.JWK(**entry).get_op_key("verify")
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, info)
    der = public.public_bytes(serialization.Encoding.DER, info)
    texts = [pem, pem.strip(), pem + b"\n", der, base64.b64encode(der), compact(entry), json.dumps(entry).encode()]
    members = {"kty", "crv", "x", "y", "n", "e"}
    bare = {name: value for name, value in sorted(entry.items()) if name in members}
    texts += [
        compact(bare),
        *(entry[name].encode() for name in bare),
        *(decode(entry[n].encode()) for n in "xyn" if n in bare),
    ]
    return [*texts, entry["kid"].encode(), b"", service.get("/jwks").body]


@pytest.mark.parametrize("alg", ["ES256", "RS256", "EdDSA"])
@pytest.mark.parametrize("mac", ["HS256", "HS384", "HS512"])
def test_02_hmac_keyed_with_our_public_key(service, alg, mac):
    payload = encode(access_claims(token(service)))
    for key in public_spellings(service, alg):
        for header in (jwt_header(service, alg), {**jwt_header(service, alg), "alg": mac}):
            message = encode(compact(header)) + b"." + payload
            signature = hmac.digest(key, message, mac.replace("HS", "sha"))
            refused(service, (message + b"." + encode(signature)).decode())


@pytest.mark.parametrize("named", ["ES256", "RS256", "PS256", "EdDSA", "ES384"])
@pytest.mark.parametrize("used", ["ES256", "RS256", "PS256", "EdDSA", "ES384"])
def test_03_a_signature_by_another_of_our_keys(service, named, used):
    """The header of one key, signed by another: also RS256 and PS256, which have one kind of key."""
    text = forge_jwt(service, jwt_header(service, named), alg=used)
    if named == used:
        assert accepted(service, text)
    else:
        refused(service, text)


def test_03_the_other_padding_with_the_right_rsa_key(service):
    schemes = {"RS256": padding.PKCS1v15(), "PS256": padding.PSS(padding.MGF1(hashes.SHA256()), 32)}
    for alg, other in (("RS256", "PS256"), ("PS256", "RS256")):
        private = jwk.JWK(**signer(service, alg).secret_jwk()).get_op_key("sign")
        message = encode(compact(jwt_header(service, alg))) + b"." + encode(access_claims(token(service)))
        right, wrong = (encode(private.sign(message, schemes[a], hashes.SHA256())) for a in (alg, other))
        assert accepted(service, (message + b"." + right).decode())
        refused(service, (message + b"." + wrong).decode())


@pytest.mark.parametrize("salt", [0, 20, 31, 33, 64])
def test_03_pss_with_another_salt_length(service, salt):
    private = jwk.JWK(**signer(service, "PS256").secret_jwk()).get_op_key("sign")
    message = encode(compact(jwt_header(service, "PS256"))) + b"." + encode(access_claims(token(service)))
    signature = private.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())
    refused(service, (message + b"." + encode(signature)).decode())


@pytest.mark.parametrize(
    ("alg", "enc"),
    [
        ("A256GCMKW", "A256GCM"),
        ("dir", "A256GCM"),
        ("A256KW", "A256CBC-HS512"),
        ("A256KW", "A128GCM"),
        ("A256GCMKW", "A128CBC-HS256"),
        ("PBES2-HS512+A256KW", "A256GCM"),
    ],
)
def test_04_another_way_of_encryption_with_the_real_key(service, alg, enc):
    header = {**bag_header(service), "alg": alg, "enc": enc}
    made = jwe.JWE(msgspec.msgpack.encode(token(service)), protected=compact(header).decode(), algs=[alg, enc])
    made.add_recipient(jwk.JWK(**sealer(service).secret_jwk()))
    refused(service, made.serialize(compact=True))
    # and its segments under a header of ours
    refused(
        service, ".".join([encode(compact(bag_header(service))).decode(), *made.serialize(compact=True).split(".")[1:]])
    )


@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256", "RSA1_5"])
def test_13_32_a_jwe_made_with_our_public_key(service, alg):
    """Whoever reads the JWKS can encrypt to it; that proves nothing."""
    used = signer(service, "RS256" if alg.startswith("RSA") else "ES256")
    public = {name: value for name, value in used.public_jwk().items() if name not in ("use", "alg")}
    for typ in ("at+jwt", "at+bag", "JWT"):
        for payload in (access_claims(token(service)), msgspec.msgpack.encode(token(service))):
            header = {"alg": alg, "enc": "A256GCM", "kid": used.kid, "typ": typ, "cty": "JWT"}
            made = jwe.JWE(payload, protected=compact(header).decode(), algs=[alg, "A256GCM"])
            made.add_recipient(jwk.JWK(**public))
            refused(service, made.serialize(compact=True))


# --- 10, 15-17: signatures


def test_10_detached_payload(service):
    header, payload, signature = forge_jwt(service).split(".")
    refused(service, f"{header}..{signature}", f"{header}.{signature}", f"{header}.{payload}.{signature}.{payload}")
    unencoded = access_claims(token(service)).decode()
    message = f"{header}.{unencoded}".encode()
    refused(service, f"{header}.{unencoded}.{encode(signer(service).sign(message)).decode()}")


def numbers(service):
    message, _, signature = forge_jwt(service).rpartition(".")
    octets = decode(signature.encode())
    return message, int.from_bytes(octets[:32]), int.from_bytes(octets[32:])


def test_15_ecdsa_numbers_out_of_range(service):
    message, r, s = numbers(service)
    pairs = [
        (0, 0),
        (0, s),
        (r, 0),
        (ORDER, s),
        (r, ORDER),
        (1, 1),
        (ORDER - 1, ORDER - 1),
        (2**256 - 1, 2**256 - 1),
        (s, r),
    ]
    pairs += [(a, b) for a, b in ((r + ORDER, s), (r, s + ORDER)) if max(a, b) < 2**256]
    refused(service, *(f"{message}.{encode(a.to_bytes(32) + b.to_bytes(32)).decode()}" for a, b in pairs))


def test_16_over_long_and_other_spellings_of_the_two_numbers(service):
    message, r, s = numbers(service)
    widths = [(33, 33), (32, 33), (33, 32), (48, 48), (66, 66), (500, 500)]
    spelled = [r.to_bytes(a) + s.to_bytes(b) for a, b in widths]
    plain = r.to_bytes(32) + s.to_bytes(32)
    spelled += [encode_dss_signature(r, s), plain + b"\0", b"\0" + plain, plain * 2, plain[:-1], plain[:32], b""]
    refused(service, *(f"{message}.{encode(one).decode()}" for one in spelled))


def test_17_the_twin_signature_says_the_same_and_has_the_same_jti(service):
    """(r, n-s) verifies: ECDSA has it so. It is no second token, for all that is ever remembered is keyed by jti."""
    message, r, s = numbers(service)
    twin = f"{message}.{encode(r.to_bytes(32) + (ORDER - s).to_bytes(32)).decode()}"
    first = f"{message}.{encode(r.to_bytes(32) + s.to_bytes(32)).decode()}"
    assert twin != first
    assert service.shown(twin).body == service.shown(first).body
    assert accepted(service, twin)["jti"] == "forged"
    ring = Snapshot(service.ring, ISSUER)
    assert ring.open(twin, (AccessToken,), service.now) == ring.open(first, (AccessToken,), service.now)
    assert len(ring._opened) == 2


def test_17_eddsa_and_rsa_have_no_twin(service):
    message, _, signature = forge_jwt(service, alg="EdDSA").rpartition(".")
    octets = decode(signature.encode())
    s = int.from_bytes(octets[32:], "little")
    for other in (s + ED25519_ORDER, ED25519_ORDER - s):
        refused(service, f"{message}.{encode(octets[:32] + other.to_bytes(32, 'little')).decode()}")
    for alg in ("RS256", "PS256"):
        message, _, signature = forge_jwt(service, alg=alg).rpartition(".")
        number = int.from_bytes(decode(signature.encode()))
        modulus = int.from_bytes(decode(signer(service, alg).public_jwk()["n"].encode()))
        for other in (modulus - number, number + modulus, 0, 1, modulus - 1, modulus):
            length = (other.bit_length() + 7) // 8
            refused(service, f"{message}.{encode(other.to_bytes(max(256, length))).decode()}")


def test_17_small_order_points_sign_nothing(service):
    """An R of small order with S = 0 is good for a weak public key alone; ours is none."""
    message = forge_jwt(service, alg="EdDSA").rpartition(".")[0]
    for point in (bytes(32), b"\1" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"):
        refused(service, f"{message}.{encode(point + bytes(32)).decode()}")


# --- 18, 19: encryption


@pytest.mark.parametrize("name", ["bag", "p256", "rsa", "x25519"])
def test_18_tag_truncated_or_extended(service, name):
    *others, tag = service.issue(name).split(".")
    octets = decode(tag.encode())
    tags = [
        octets[:-1],
        octets[:-4],
        octets[:-8],
        octets[:4],
        octets[4:],
        b"",
        octets + b"\0",
        octets + octets,
        b"\0" * 16,
    ]
    refused(service, *(".".join([*others, encode(one).decode()]) for one in tags))
    *head, ciphertext = others  # octets moved over the border of ciphertext and tag
    text = decode(ciphertext.encode())
    moved = [(text[:-1], text[-1:] + octets), (text + octets[:1], octets[1:]), (text + octets, b"")]
    refused(service, *(".".join([*head, encode(a).decode(), encode(b).decode()]) for a, b in moved))


@pytest.mark.parametrize("length", [1, 8, 11, 13, 16, 32])
def test_19_an_iv_of_another_length_that_the_key_would_take(service, length):
    iv, cek = os.urandom(length), os.urandom(32)
    header = encode(compact(bag_header(service)))
    payload = msgspec.msgpack.encode(token(service))
    if length >= 8:  # shorter ones the library itself refuses
        sealed = AESGCM(cek).encrypt(iv, payload, header)
        segments = (header, *map(encode, (sealer(service).wrap(cek), iv, sealed[:-16], sealed[-16:])))
        refused(service, b".".join(segments).decode())
        refused(service, Nest(service).text(forge_jwt(service), iv=iv))
    for name in ("bag", "p256"):
        segments = service.issue(name).split(".")
        refused(service, ".".join([*segments[:2], encode(iv).decode(), *segments[3:]]))


# --- 20-22: other serialisations


def as_json(text):
    """The token in the JSON serialisations (RFC 7515 section 7.2, RFC 7516 section 7.2), and in forms of nobody's."""
    segments = text.split(".")
    if len(segments) == 3:
        protected, payload, signature = segments
        flat = {"protected": protected, "payload": payload, "signature": signature}
        yield flat
        yield {"payload": payload, "signatures": [{"protected": protected, "signature": signature}]}
        yield {"payload": payload, "signatures": []}
        yield {"payload": payload, "signatures": [{"protected": protected, "signature": signature}] * 50}
    else:
        protected, key, iv, ciphertext, tag = segments
        rest = {"iv": iv, "ciphertext": ciphertext, "tag": tag}
        yield {"protected": protected, "encrypted_key": key, **rest}
        yield {"protected": protected, "recipients": [{"encrypted_key": key}], **rest}
        yield {"protected": protected, "recipients": [], **rest}
        yield {"protected": protected, "recipients": [{"encrypted_key": key}] * 50, **rest}
    yield [text]
    yield text
    yield {"token": text}


@each_issued
def test_20_json_serialisation(service, name):
    for value in as_json(service.issue(name)):
        refused(service, json.dumps(value), compact(value).decode())


@each_issued
def test_20_ten_thousand_recipients_are_too_long_to_be_looked_at(service, name):
    text = json.dumps({"recipients": [{}] * 10_000, "signatures": [{}] * 10_000, "payload": service.issue(name)})
    with pytest.raises(BadBag):
        service.opened(text)
    assert service.post("/introspect", {"token": text}, RS).status == 413


@each_issued
def test_21_json_and_compact_polyglot(service, name):
    text = service.issue(name)
    header, _, rest = text.partition(".")
    for value in as_json(text):
        body = json.dumps(value)
        refused(service, text + body, body + text, f"{header}.{body}", f"{body}.{rest}", f"{text}.{body}")
    refused(
        service, f'{{"x":"{text}"}}', f"{text},{text}", f"{text} {text}", f"Bearer {text}", f'"{text}"', f"<{text}>"
    )
    other = service.issue("bag" if name == "es256" else "es256")
    refused(service, f"{text}.{other}", f"{other}.{text}", text + other, f"{header}.{other.partition('.')[2]}")


@each_issued
def test_22_wrong_segment_counts(service, name):
    text = service.issue(name)
    segments = text.split(".")
    refused(service, *(".".join((segments * 3)[:count]) for count in range(1, 12) if count != len(segments)))
    refused(
        service,
        text + ".",
        "." + text,
        text.replace(".", "..", 1),
        text.replace(".", "..."),
        *("." * n for n in range(1, 9)),
    )
    refused(service, *(".".join([*segments[:at], "", *segments[at + 1 :]]) for at in range(len(segments))))
    refused(service, text + "." * 3000, "." * 60_000)


def test_22_a_million_dots(service):
    for text in ("." * 10**6, service.issue("es256") + "." * 10**6):
        with pytest.raises(BadBag):
            service.opened(text)
        assert service.shown(text).status == 413


# --- 23: spellings


@pytest.mark.parametrize("name", NAMES)
def test_23_non_canonical_base64(service, name):
    text = service.issue(name)
    segments = text.split(".")
    for at, segment in enumerate(segments):
        spelled = other_spellings(segment)
        spelled += [segment + end for end in ("=", "==", "===", "A", "_", "%3D")] + [
            "=" + segment,
            segment[:5] + "=" + segment[5:],
        ]
        spelled += [segment + " ", " " + segment, segment[:4] + " " + segment[4:]]
        standard = segment.translate(str.maketrans("-_", "+/"))
        spelled += [standard] if standard != segment else []
        refused(service, *(".".join([*segments[:at], one, *segments[at + 1 :]]) for one in spelled))
    accepted(service, text)


def test_23_how_many_spellings_there_would_be(service):
    """Sixteen texts for one signature or tag, to a lenient decoder."""
    for name in ISSUED:
        assert len(other_spellings(service.issue(name).rpartition(".")[2])) == 15


# --- 26-28: claims that are authentic and yet none


@pytest.mark.parametrize("payload", [b"[]", b"1", b"null", b'"x"', b"{}", b"", b"\xff", b"[" * 3000, b'{"exp":1e400}'])
def test_28_claims_that_are_no_object(service, payload):
    inner = forge_jwt(service, payload=payload)
    refused(service, inner, Nest(service).text(inner))


@pytest.mark.parametrize("value", ["1e400", "NaN", "1e23", "true", "{}", "null", '"9"', "-1", "0"])
def test_26_27_absurd_instants(service, value):
    claims = json.loads(access_claims(token(service)))
    refused(service, forge_jwt(service, payload=json.dumps({**claims, "exp": "X"}).replace('"X"', value).encode()))


# --- 29, 30: text and size


@pytest.mark.parametrize(
    "text", ["é", "\N{FULLWIDTH FULL STOP}", "٣.٣.٣", "😀.😀.😀", "\u200b", "\ufeff", "ſ", "\u2024"]
)
@each_issued
def test_29_beyond_ascii(service, name, text):
    issued = service.issue(name)
    header, _, rest = issued.partition(".")
    refused(service, text, text + issued, issued + text, f"{header}{text}.{rest}", f"{header}.{text}{rest}")


@pytest.mark.parametrize(
    "body", [b"token=%ED%A0%80", b"token=\xff", b"token=%FF", b"token=%C0%AE", b"token=a%00", b"token=a%0Ab"]
)
def test_29_octets_that_are_no_text_are_no_form(service, body):
    with pytest.raises(BadBag):
        service.opened("\ud800.\udfff.\ud800")
    answer = service.post("/introspect", body, RS)
    assert answer.status == 400
    assert answer.json()["error"] == "invalid_request"


@each_format
def test_30_long_headers(service, form):
    for length in (3000, 9000, 40_000):
        refused(service, with_header(service, form, put(x="x" * length)))
    text = with_header(service, form, put(x="x" * 10**6))
    with pytest.raises(BadBag):
        service.opened(text)
    assert service.shown(text).status == 413


@each_issued
def test_30_long_segments(service, name):
    segments = service.issue(name).split(".")
    for at in range(len(segments)):
        refused(service, ".".join([*segments[:at], segments[at] + "A" * 40_000, *segments[at + 1 :]]))
        with pytest.raises(BadBag):
            service.opened(".".join([*segments[:at], segments[at] + "A" * 10**7, *segments[at + 1 :]]))


# --- 31: the kind matrix


def samples(service):
    now = int(service.now)
    return {
        "AccessToken": token(service),
        "AuthorizationCode": authorization_code(iss=ISSUER, iat=now, exp=now + 60),
        "RefreshToken": refresh_token(iss=ISSUER, iat=now, exp=now + 600),
        **{type(bag).__name__: bag for bag in front_bags(ISSUER, now, now + 600)},
    }


@pytest.mark.parametrize("kind", [kind.__name__ for kind in KINDS])
def test_31_at_introspection_only_access_tokens_pass(service, kind):
    text = service.snapshot.seal(samples(service)[kind], service.now)
    if kind == "AccessToken":
        assert accepted(service, text)
    else:
        refused(service, text)


@pytest.mark.parametrize("kind", [kind.__name__ for kind in KINDS])
@pytest.mark.parametrize("typ", [*(kind.TYP for kind in KINDS), "at+jwt", "JWT"])
def test_31_a_bag_sealed_again_with_another_kinds_typ(service, kind, typ):
    text = forge_bag(service, bag_header(service, typ), samples(service)[kind])
    if (kind, typ) == ("AccessToken", "at+bag"):
        assert accepted(service, text)
    else:
        refused(service, text)


@pytest.mark.parametrize("kind", [kind.__name__ for kind in KINDS])
def test_31_a_bag_whose_header_is_exchanged(service, kind):
    _, _, rest = service.snapshot.seal(samples(service)[kind], service.now).partition(".")
    for other in samples(service).values():
        header = service.snapshot.seal(other, service.now).partition(".")[0]
        if type(other).__name__ != kind:
            refused(service, f"{header}.{rest}")


@pytest.mark.parametrize("kind", [kind.__name__ for kind in KINDS])
def test_31_no_bag_is_a_credential_or_a_grant_of_another_sort(service, kind):
    text = service.snapshot.seal(samples(service)[kind], service.now)
    for path in ("/token", "/introspect"):
        form = {"grant_type": "client_credentials", "token": text}
        assert service.post(path, form, {"Authorization": f"Bearer {text}"}).status == 401
        assert service.post(path, {**form, "client_id": "app", "client_secret": text}).status == 401
        assert service.post(path, {**form, "client_id": text, "client_secret": "x"}).status == 401
    for grant_type, field in (("authorization_code", "code"), ("refresh_token", "refresh_token")):
        answer = service.post("/token", {"grant_type": grant_type, field: text}, APP)
        assert answer.status == 400
        assert b"access_token" not in answer.body


@pytest.mark.parametrize("name", NAMES)
def test_31_a_resource_server_sees_its_own_tokens_only(service, name):
    text = service.issue(name)
    answer = service.introspect(text, OTHER)
    assert (answer.status, answer.body, answer.headers) == (200, b'{"active":false}', service.garbage.headers)
    assert service.introspect(text, APP).body == b'{"active":false}'


# --- 33: nested


def inners(service):
    good = forge_jwt(service)
    header, claims, signature = good.split(".")
    foreign = ec.generate_private_key(ec.SECP256R1())
    pair = KeyPair("ES256", foreign, foreign.public_key())
    foreign_rsa = rsa.generate_private_key(65537, 2048)
    yield "unsigned", f"{header}.{claims}."
    yield "alg none", f"{encode(compact({'alg': 'none', 'typ': 'at+jwt'})).decode()}.{claims}."
    yield "two segments", f"{header}.{claims}"
    yield "foreign", sign(header.encode(), pair, access_claims(token(service))).decode()
    yield (
        "foreign RSA",
        f"{header}.{claims}.{encode(foreign_rsa.sign(b'x', padding.PKCS1v15(), hashes.SHA256())).decode()}",
    )
    yield "foreign kid", sign(encode(compact({**jwt_header(service), "kid": "k"})), pair, b"{}").decode()
    yield "another typ", forge_jwt(service, {**jwt_header(service), "typ": "JWT"})
    yield "claims alone", access_claims(token(service)).decode()
    yield "another signature", f"{header}.{claims}.{forge_jwt(service).split('.')[2]}"[:-6] + "AAAAAA"
    yield "nothing", ""
    yield "dots", ".."
    yield "a bag", forge_bag(service)
    yield "a nested token", Nest(service).text(good)
    yield "JSON", json.dumps({"protected": header, "payload": claims, "signature": signature})
    yield "padded", good + "="
    yield "space", " " + good
    yield "not ASCII", good + "é"
    yield "foreign issuer", forge_jwt(service, payload=access_claims(token(service, iss="https://evil.test")))


def test_33_a_nested_token_is_worth_what_its_inner_signature_is_worth(service):
    """The recipient knows the content key and can seal what he likes; he cannot sign."""
    assert accepted(service, Nest(service).text(forge_jwt(service)))
    for name, inner in inners(service):
        assert name
        refused(service, Nest(service).text(inner))


@pytest.mark.parametrize("name", ["p256", "x25519", "rsa"])
def test_33_ak_and_segments_exchanged_between_two_genuine_tokens(service, name):
    one, two = service.issue(name).split("."), service.issue(name).split(".")
    for at in range(4):
        refused(service, ".".join([*one[:at], two[at], *one[at + 1 :]]))
        refused(service, ".".join([*one[: at + 1], *two[at + 1 :]]), ".".join([*two[: at + 1], *one[at + 1 :]]))
    first, second = (json.loads(decode(token_[0].encode())) for token_ in (one, two))
    for member in ("ak", "epk"):
        if member in first:
            refused(service, ".".join([encode(compact({**first, member: second[member]})).decode(), *one[1:]]))


def test_33_a_bags_wrapped_key_is_no_ak_and_the_reverse(service):
    bag = service.issue("bag").split(".")
    nest = Nest(service)
    refused(service, nest.text(forge_jwt(service), {**nest.header, "ak": f"{sealer(service).kid}.{bag[1]}"}))
    # The seed, moved into a bag as its content key: known to us alone, so not even its recipient can do this.
    cek = nested._content_key(nest.seed)
    header = encode(compact(bag_header(service)))
    iv = os.urandom(12)
    sealed = AESGCM(cek).encrypt(iv, msgspec.msgpack.encode(token(service)), header)
    wrapped = nest.ak.rpartition(".")[2].encode()
    refused(service, b".".join((header, wrapped, encode(iv), encode(sealed[:-16]), encode(sealed[-16:]))).decode())


# --- 37: issuers


@each_format
@pytest.mark.parametrize(
    "issuer", ["https://evil.test", ISSUER + "/", ISSUER + ".evil.test", "as.example.com", "", ISSUER.upper()]
)
def test_37_a_foreign_issuer_with_our_keys(service, form, issuer):
    foreign = token(service, iss=issuer)
    inner = forge_jwt(service, payload=access_claims(foreign))
    refused(service, {"jwt": inner, "jwe": Nest(service).text(inner), "bag": forge_bag(service, bag=foreign)}[form])


@each_format
def test_37_keys_of_another_ring_under_our_kids(service, form, foreign):
    kids = {
        foreign.ring.signer("ES256", foreign.now).kid: signer(service).kid,
        sealer(foreign).kid: sealer(service).kid,
    }
    header, _, rest = FORGE[form](foreign).partition(".")
    ours = decode(header.encode())
    for theirs, kid in kids.items():
        ours = ours.replace(theirs.encode(), kid.encode())
    refused(service, f"{header}.{rest}", f"{encode(ours).decode()}.{rest}")


# --- whatever else


def test_an_expired_token_is_answered_as_garbage_is(service):
    past = int(service.now) - 1
    old = token(service, iat=past - 600, exp=past)
    inner = forge_jwt(service, payload=access_claims(old))
    refused(service, inner, Nest(service).text(inner), forge_bag(service, bag=old))


def test_an_audience_that_is_nobodys_or_a_part_of_ours(service):
    for aud in ((), ("https://nobody.example.com",), (resource("es256") + "/",), (resource("es256")[:-1],), ("",)):
        text = forge_jwt(service, payload=access_claims(token(service, aud=aud)))
        answer = service.shown(text)
        assert (answer.status, answer.body) == (200, b'{"active":false}')


@pytest.mark.parametrize(
    "text", ["x", "null", "undefined", "a" * 60_000, "%00", "${jndi:ldap://127.0.0.1:9/a}", "{{7*7}}", "<script>"]
)
def test_garbage(service, text):
    refused(service, text)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ISSUED), st.data())
def test_no_mutation_passes_the_endpoint(shown, name, data):
    service, issued = shown
    text = issued[name]
    at = data.draw(st.integers(0, len(text) - 1))
    to = data.draw(st.integers(at, len(text)))
    part = data.draw(st.text(ALPHABET + ".=+/ ", max_size=4))
    mutated = data.draw(st.sampled_from([text[:at] + part + text[to:], text[:to] + text[at:], text[to:] + text[:at]]))
    if mutated != text and mutated:
        refused(service, mutated)


@settings(max_examples=100, deadline=None)
@given(st.text(string.printable[:95] + "éſ😀", min_size=1, max_size=100))
def test_no_text_disturbs_the_endpoint(shown, text):
    refused(shown[0], text)


def test_the_answer_to_garbage_is_no_more_than_it_must_be(service):
    assert service.garbage.status == 200
    assert service.garbage.body == b'{"active":false}'
    assert service.garbage.headers["cache-control"] == "no-store"
