"""Nested tokens: strangers open them with the recipient's key, we with ours, and no altered one opens."""

import json
import os

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe as joserfc_jwe
from joserfc.errors import UnsupportedHeaderError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.registry import HeaderParameter
from jwcrypto import jwe, jwk

from keys import SealingKey
from satchel_jose.base64url import decode, encode
from service.bags.errors import BadBag
from service.bags.nested import Recipient, open_own_nested, seal_nested
from service.bags.seal import seal, unseal


def bag_key(kid):
    return SealingKey.generate(kid=kid, alg="A256KW", created=0, activates=0, retires=1, expires=2)


OURS = {kid: bag_key(kid) for kid in ("bag-1", "bag-2")}
SIGNER = ec.generate_private_key(ec.SECP256R1())
CLAIMS = {"iss": "https://as.example.com", "sub": "client-1", "jti": "t-1"}
SIGNED = pyjwt.encode(CLAIMS, SIGNER, "ES256", headers={"typ": "at+jwt", "kid": "s-1"})

PRIVATE = {
    "P-256": jwk.JWK.generate(kty="EC", crv="P-256", kid="rs-1"),
    "X25519": jwk.JWK.generate(kty="OKP", crv="X25519", kid="rs-1"),
    "RSA": jwk.JWK.generate(kty="RSA", size=2048, kid="rs-1"),
}
PUBLIC = {kind: key.export_public(as_dict=True) for kind, key in PRIVATE.items()}
KINDS = sorted(PRIVATE)
ALG = {"P-256": "ECDH-ES+A256KW", "X25519": "ECDH-ES+A256KW", "RSA": "RSA-OAEP-256"}


def unwrap(kid, wrapped):
    if kid not in OURS:
        raise BadBag("unknown key")
    return OURS[kid].unwrap(wrapped)


def sealed(kind, key=OURS["bag-1"], inner=SIGNED):
    return seal_nested(inner.encode(), Recipient.from_jwk(PUBLIC[kind]), key)


def opened(token):
    return open_own_nested(token.encode(), unwrap).decode()


def refused(token):
    with pytest.raises(BadBag) as caught:
        open_own_nested(token.encode(), unwrap)
    return caught.value.reason


def content_key(token, kind):
    """What the recipient learns by opening its token."""
    parsed = jwe.JWE()
    parsed.deserialize(token, PRIVATE[kind])
    return parsed.cek


def header_of(token):
    return json.loads(decode(token.split(".")[0].encode()))


def with_header(token, header):
    return ".".join([encode(json.dumps(header, separators=(",", ":")).encode()).decode(), *token.split(".")[1:]])


def with_segment(token, at, raw):
    segments = token.split(".")
    segments[at] = encode(raw).decode()
    return ".".join(segments)


# --- who opens it


@pytest.mark.parametrize("kind", KINDS)
def test_jwcrypto_opens_it_and_pyjwt_verifies_the_inner(kind):
    token = sealed(kind)
    parsed = jwe.JWE()
    parsed.deserialize(token, PRIVATE[kind])
    assert pyjwt.decode(parsed.payload.decode(), SIGNER.public_key(), ["ES256"]) == CLAIMS
    assert {name: parsed.jose_header[name] for name in ("alg", "enc", "typ", "cty", "kid")} == {
        "alg": ALG[kind],
        "enc": "A256GCM",
        "typ": "JWT",
        "cty": "JWT",
        "kid": "rs-1",
    }
    assert "crit" not in parsed.jose_header


@pytest.mark.parametrize("kind", KINDS)
def test_joserfc_opens_it_once_told_of_ak(kind):
    key = {"RSA": RSAKey, "X25519": OKPKey, "P-256": ECKey}[kind].import_key(PRIVATE[kind].export(as_dict=True))
    algorithms = [ALG[kind], "A256GCM"]
    told = joserfc_jwe.JWERegistry({"ak": HeaderParameter("our own way in", "str")}, algorithms)
    token = sealed(kind)
    parsed = joserfc_jwe.decrypt_compact(token, key, registry=told)
    assert pyjwt.decode(parsed.plaintext.decode(), SIGNER.public_key(), ["ES256"]) == CLAIMS
    # RFC 7516 §4 has unknown members ignored; joserfc does so only when asked to.
    with pytest.raises(UnsupportedHeaderError):
        joserfc_jwe.decrypt_compact(token, key, algorithms=algorithms)
    relaxed = joserfc_jwe.JWERegistry(algorithms=algorithms, strict_check_header=False)
    assert joserfc_jwe.decrypt_compact(token, key, registry=relaxed).plaintext == SIGNED.encode()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kid", sorted(OURS))
def test_we_open_it_with_the_bag_key_alone(kind, kid):
    token = sealed(kind, OURS[kid])
    assert opened(token) == SIGNED
    assert token != sealed(kind, OURS[kid])


@pytest.mark.parametrize("kind", ["P-256", "X25519"])
def test_the_longest_header_is_within_what_joserfc_reads(kind):
    recipient = Recipient.from_jwk({**PUBLIC[kind], "kid": "r" * 256})
    token = seal_nested(SIGNED.encode(), recipient, bag_key("b" * 64))
    assert len(token.split(".")[0]) <= 1024


# --- what the recipient, who knows the content key, cannot do


@pytest.mark.parametrize("kind", KINDS)
def test_a_recipient_cannot_move_the_wrapped_key_into_a_bag(kind):
    token = sealed(kind)
    bag_header = encode(b'{"alg":"A256KW","enc":"A256GCM","kid":"bag-1","typ":"code"}')
    assert unseal(bag_header, OURS["bag-1"], seal(bag_header, OURS["bag-1"], b"code").split(b".", 1)[1]) == b"code"
    wrapped, iv = decode(header_of(token)["ak"].rpartition(".")[2].encode()), os.urandom(12)
    forged = AESGCM(content_key(token, kind)).encrypt(iv, b"code", bag_header)
    rest = b".".join(map(encode, (wrapped, iv, forged[:-16], forged[-16:])))
    with pytest.raises(BadBag):
        unseal(bag_header, OURS["bag-1"], rest)


def test_a_bags_wrapped_key_is_no_ak():
    cek, iv = os.urandom(32), bytes(12)
    token = sealed("RSA")
    header = {**header_of(token), "ak": f"bag-1.{encode(OURS['bag-1'].wrap(cek)).decode()}"}
    forged = with_header(token, header).split(".")
    iv = decode(forged[2].encode())
    body = AESGCM(cek).encrypt(iv, b"x", forged[0].encode())
    forged[3:] = encode(body[:-16]).decode(), encode(body[-16:]).decode()
    assert refused(".".join(forged)) == "does not open"


# --- altered tokens


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", range(5))
def test_every_segment_is_bound(kind, at):
    token, other = sealed(kind), sealed(kind)
    raw = decode(token.split(".")[at].encode())
    for changed in (b"", raw[:-1], raw + b"\0", bytes([raw[0] ^ 1]) + raw[1:], raw[:-1] + bytes([raw[-1] ^ 1])):
        refused(with_segment(token, at, changed))
    swapped = token.split(".")
    swapped[at] = other.split(".")[at]
    refused(".".join(swapped))


@pytest.mark.parametrize("kind", KINDS)
def test_every_header_member_is_bound(kind):
    token = sealed(kind)
    header, other = header_of(token), header_of(sealed(kind, inner="other"))
    assert with_header(token, header) == token
    for name in header:
        refused(with_header(token, {key: value for key, value in header.items() if key != name}))
        for value in (None, 1, [], {}, "", "x", other[name] if other[name] != header[name] else "y"):
            refused(with_header(token, {**header, name: value}))
    for name in ("crit", "zip", "apu", "jwk", "x"):
        refused(with_header(token, {**header, name: "DEF"}))
    refused(with_header(token, dict(reversed(header.items()))))


def test_ak_of_another_token_or_an_unknown_key():
    token, other = sealed("RSA"), sealed("RSA", OURS["bag-2"])
    header = header_of(token)
    assert refused(with_header(token, {**header, "ak": header_of(other)["ak"]})) == "does not open"
    assert refused(with_header(token, {**header, "ak": header["ak"].replace("bag-1", "bag-9")})) == "unknown key"
    for ak in ("", ".", "bag-1", "bag-1.", "bag-1.é", "bag-1.AA=", f"bag-1.{encode(bytes(40)).decode()}"):
        refused(with_header(token, {**header, "ak": ak}))


def test_a_duplicate_header_member():
    token = sealed("RSA")
    raw = decode(token.split(".")[0].encode())
    refused(with_segment(token, 0, raw[:-1] + b',"ak":"bag-1.AA"}'))
    refused(with_segment(token, 0, raw.replace(b'"kid"', b'"ak":"bag-1.AA","kid"')))


def test_limits_come_first():
    token = sealed("RSA")
    for text in ("." * 10**6, token + "A" * 10**6, token + ".", token.rpartition(".")[0], SIGNED, "", "....", "é"):
        refused(text)
    refused(with_header(token, {**header_of(token), "kid": "k" * 3000}))
    refused(with_header(token, {**header_of(token), "kid": json.loads("[" * 100 + "]" * 100)}))


_TOKENS = {kind: sealed(kind) for kind in KINDS}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_no_mutation_opens(kind, data):
    token = _TOKENS[kind]
    at = data.draw(st.integers(0, len(token) - 1))
    end = data.draw(st.integers(at, min(len(token), at + 8)))
    middle = data.draw(st.one_of(st.just(""), st.text(max_size=3), st.just(token[at:end] * 2)))
    mutated = token[:at] + middle + token[end:]
    if mutated != token:
        with pytest.raises(BadBag):
            open_own_nested(mutated.encode("utf-8", "surrogatepass"), unwrap)


# --- whom it may be sealed to


@pytest.mark.parametrize(
    "jwk_",
    [
        PRIVATE["P-256"].export(as_dict=True),
        PRIVATE["RSA"].export(as_dict=True),
        {key: value for key, value in PUBLIC["RSA"].items() if key != "kid"},
        {**PUBLIC["RSA"], "use": "sig"},
        {**PUBLIC["RSA"], "alg": "RSA1_5"},
        {**PUBLIC["RSA"], "alg": "RSA-OAEP"},
        {**PUBLIC["RSA"], "key_ops": ["verify"]},
        {**PUBLIC["P-256"], "alg": "ECDH-ES"},
        {**PUBLIC["P-256"], "x": PUBLIC["P-256"]["y"]},
        {**PUBLIC["X25519"], "x": encode(bytes(32)).decode()},
        {**PUBLIC["X25519"], "x": encode(b"\1" + bytes(31)).decode()},
        {"kty": "OKP", "crv": "Ed25519", "x": PUBLIC["X25519"]["x"], "kid": "rs-1"},
        jwk.JWK.generate(kty="EC", crv="P-384", kid="rs-1").export_public(as_dict=True),
        jwk.JWK.generate(kty="RSA", size=1024, kid="rs-1").export_public(as_dict=True),
        {"kty": "oct", "k": "AAAA", "kid": "rs-1"},
        {"kty": "new", "kid": "rs-1"},
        {},
    ],
)
def test_unfit_recipients(jwk_):
    with pytest.raises(BadBag):
        Recipient.from_jwk(jwk_)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("RSA", {"use": "enc", "alg": "RSA-OAEP-256", "key_ops": ["wrapKey"]}),
        ("P-256", {"use": "enc", "alg": "ECDH-ES+A256KW", "key_ops": ["deriveKey"]}),
        ("X25519", {"key_ops": ["deriveBits"], "kid": 'quote" and \\ and é'}),
    ],
)
def test_fit_recipients(kind, more):
    recipient = Recipient.from_jwk({**PUBLIC[kind], **more})
    token = seal_nested(SIGNED.encode(), recipient, OURS["bag-1"])
    assert header_of(token)["kid"] == recipient.kid
    assert opened(token) == SIGNED
    assert PUBLIC[kind].get("x", "handle") not in repr(recipient)
