"""Published vulnerabilities of other JOSE libraries in Python, each tried against our reading of foreign JWTs.

One test per advisory, named for it; the docstring says what went wrong there.
"""

import hmac
import json
import zlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from jwcrypto import jwe, jwk, jws

from satchel_jose.algorithms import ALGORITHMS
from satchel_jose.base64url import encode
from service.bags.errors import BadBag
from service.bags.foreign import check_issuer, parse, verify, verify_with_embedded_key
from service.bags.foreign_keys import HmacKey, KeySet, import_jwks
from service.bags.nested import open_own_nested

ISSUER = "https://issuer.example.com"
CLAIMS = {"iss": ISSUER, "sub": "alice", "exp": 2_000_000_000}
ALGS = frozenset(ALGORITHMS)
TYPES = frozenset({"JWT", None})

EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)


def public_jwk(key, kid):
    return {**json.loads(jwk.JWK.from_pyca(key.public_key()).export_public()), "kid": kid}


JWKS = {"keys": [public_jwk(EC, "ec"), public_jwk(ED, "ed"), public_jwk(RSA, "rsa")]}
KEYS = import_jwks(JWKS)


def forge(header, payload=CLAIMS, sign=lambda _: b""):
    message = b".".join(encode(json.dumps(part).encode()) for part in (header, payload))
    return (message + b"." + encode(sign(message))).decode()


def signed(header, payload=CLAIMS):
    """A token that the holder of RSA has really signed, whatever its header says."""
    return forge(header, payload, lambda m: RSA.sign(m, padding.PKCS1v15(), hashes.SHA256()))


def refused(token, keys=KEYS, algs=ALGS, **arguments):
    with pytest.raises(BadBag) as caught:
        verify(parse(token, types=TYPES, **arguments), keys, algs)
    return caught.value.reason


def never_decrypted(token):
    """Neither reader of other people's text gets as far as a key with this JWE."""
    assert refused(token) == "token has not three segments"
    with pytest.raises(BadBag) as caught:
        open_own_nested(token.encode(), lambda _kid, _wrapped: pytest.fail("a key was asked for"))
    assert caught.value.reason == "not a nested token of ours"


def encrypted(plaintext, key, **header):
    sealed = jwe.JWE(plaintext, json.dumps(header), algs=[header["alg"], header["enc"]])
    sealed.add_recipient(key)
    return sealed.serialize(compact=True)


def test_jwcrypto_cve_2023_6681():
    """PBES2: the iteration count in the header decides how long the server works."""
    token = encrypted(
        b"{}", jwk.JWK.from_password("guess"), alg="PBES2-HS256+A128KW", enc="A128GCM", p2c=1000, p2s="AAAAAAAAAAA"
    )
    never_decrypted(token)
    assert refused(signed({"alg": "PBES2-HS256+A128KW", "p2c": 2**31})) == "header has a refused member"


@pytest.mark.parametrize("member", ["zip", "enc"])
def test_jwcrypto_cve_2024_28102(member):
    """A JWE that inflates a thousandfold."""
    key = jwk.JWK(**public_jwk(RSA, "rsa"))
    token = encrypted(b" " * 100_000, key, alg="RSA-OAEP-256", enc="A256GCM", zip="DEF", kid="rsa")
    assert len(token) < 1000
    never_decrypted(token)
    assert refused(signed({"alg": "RS256", "kid": "rsa", member: "DEF"})) == "header has a refused member"


def test_jwcrypto_cve_2026_39373():
    """The bound set for the former was on the compressed size: 250 kB of it still inflated to 100 MB."""
    bomb = encode(zlib.compress(bytes(50_000_000))[2:-4]).decode()
    assert refused(f"e30.{bomb}.AA") == "token is too long"
    header = {"alg": "RS256", "kid": "rsa", "zip": "DEF"}
    assert refused(signed(header, {"x": zlib.compress(bytes(100_000)).hex()})) == "header has a refused member"


@pytest.mark.parametrize(
    "secret",
    [
        ED.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH),
        ED.public_key().public_bytes_raw(),
    ],
    ids=["openssh", "raw"],
)
def test_pyjwt_cve_2022_29217(secret):
    """A public key in OpenSSH's format was taken for an HMAC secret."""
    token = forge({"alg": "HS256", "kid": "ed"}, sign=lambda m: hmac.digest(secret, m, "sha256"))
    assert refused(token) == "alg does not fit the key"


@pytest.mark.parametrize("issuer", ["", "h", "https://", "issuer", ISSUER[:-1]])
def test_pyjwt_cve_2024_53861(issuer):
    """`iss` was compared with `in`: part of the issuer was enough."""
    claims = verify(parse(signed({"alg": "RS256", "kid": "rsa"}, {"iss": issuer}), types=TYPES), KEYS, ALGS)
    with pytest.raises(BadBag):
        check_issuer(claims, ISSUER)


def test_pyjwt_cve_2026_32597():
    """`crit` was not looked at, so extensions that restrict a token were passed over."""
    header = {
        "alg": "RS256",
        "kid": "rsa",
        "crit": ["https://example.com/only-once"],
        "https://example.com/only-once": 1,
    }
    assert refused(signed(header)) == "header has a refused member"


def test_pyjwt_cve_2026_48523():
    """The allow-list was held against the header, but the key's own algorithm did the verifying."""
    keys = import_jwks({"keys": [{**public_jwk(RSA, "rsa"), "alg": "RS256"}]})
    only = frozenset({"PS256"})
    assert refused(signed({"alg": "PS256", "kid": "rsa"}), keys, only) == "alg does not fit the key"
    assert refused(signed({"alg": "PS256", "kid": "rsa"}), KEYS, only) == "bad signature"
    assert refused(signed({"alg": "RS256", "kid": "rsa"}), keys, only) == "alg is not allowed"


def test_pyjwt_cve_2026_48524():
    """An unknown kid made the verifier fetch again, and a failed fetch emptied its cache. Here reading fetches nothing,
    a KeySet cannot lose its keys, and whether the kid is known can be asked before anything is done about it."""
    unverified = parse(signed({"alg": "RS256", "kid": "x" * 40}), types=TYPES)
    assert unverified.kid not in KEYS
    with pytest.raises(BadBag):
        verify(unverified, KEYS, ALGS)
    assert verify(parse(signed({"alg": "RS256", "kid": "rsa"}), types=TYPES), KEYS, ALGS) == CLAIMS


def test_pyjwt_cve_2026_48525():
    """With b64=false the payload segment was decoded, whatever its length, and thrown away."""
    header, payload, signature = signed({"alg": "RS256", "kid": "rsa", "b64": False, "crit": ["b64"]}).split(".")
    assert refused(f"{header}.{payload}.{signature}") == "header has a refused member"
    assert refused(f"{header}.{'A' * 1_000_000}.{signature}") == "token is too long"


@pytest.mark.parametrize(
    "secret",
    [
        EC.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH),
        EC.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        EC.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        json.dumps(public_jwk(EC, "ec")).encode(),
    ],
    ids=["openssh", "pem", "der", "jwk"],
)
def test_python_jose_cve_2024_33663(secret):
    """Algorithm confusion with ECDSA keys in OpenSSH's and other formats."""
    token = forge({"alg": "HS256", "kid": "ec"}, sign=lambda m: hmac.digest(secret, m, "sha256"))
    assert refused(token) == "alg does not fit the key"
    token = forge({"alg": "HS256"}, sign=lambda m: hmac.digest(secret, m, "sha256"))
    assert refused(token) == "no kid, and not exactly one key that fits alg"


def test_python_jose_cve_2024_33664():
    """A "JWT bomb": a compressed JWE of any length was inflated."""
    key = jwk.JWK(kty="oct", k=encode(bytes(32)).decode())
    token = encrypted(b"a" * 200_000, key, alg="A256KW", enc="A256GCM", zip="DEF")
    never_decrypted(token)


@pytest.mark.parametrize("crit", [["cnf"], ["bork"]])
def test_authlib_cve_2025_59420(crit):
    """Unknown critical members were accepted."""
    header = {"alg": "RS256", "kid": "rsa", "crit": crit, crit[0]: {"jkt": "x"}}
    assert refused(signed(header)) == "header has a refused member"


@pytest.mark.parametrize("at", [0, 1, 2])
def test_authlib_cve_2025_61920(at):
    """Segments of hundreds of megabytes were decoded before anything refused them."""
    segments = signed({"alg": "RS256", "kid": "rsa"}).split(".")
    segments[at] += "A" * 10_000_000
    assert refused(".".join(segments)) == "token is too long"
    long_header = signed({"alg": "RS256", "kid": "rsa", "x": "a" * 5000})
    assert refused(long_header, max_chars=20_000) == "header is too long"


@pytest.mark.parametrize("keys", [KEYS, KeySet([])])
def test_authlib_cve_2026_27962(keys):
    """Without a key given, the key in the attacker's header verified the attacker's signature."""
    attacker = rsa.generate_private_key(65537, 2048)
    header = {"alg": "RS256", "jwk": public_jwk(attacker, "rsa")}
    token = forge(header, sign=lambda m: attacker.sign(m, padding.PKCS1v15(), hashes.SHA256()))
    assert refused(token, keys) == "embedded key missing or out of place"
    embedded = parse(token, types=TYPES, embedded_key=True)
    with pytest.raises(BadBag):
        verify(embedded, keys, ALGS)
    with pytest.raises(BadBag):
        verify_with_embedded_key(parse(signed({"alg": "RS256", "kid": "rsa"}), types=TYPES), ALGS)


def test_authlib_cve_2026_28490():
    """RSA1_5 was on by default, and a length check made it an oracle."""
    key = jwk.JWK(**public_jwk(RSA, "rsa"))
    never_decrypted(encrypted(b"{}", key, alg="RSA1_5", enc="A128CBC-HS256"))
    assert refused(signed({"alg": "RSA1_5", "kid": "rsa"})) == "alg is not allowed"
    assert "RSA1_5" not in ALGORITHMS


@pytest.mark.parametrize("alg", ["RS999", "XX256", "none", "", "ES256K"])
def test_authlib_cve_2026_28498(alg):
    """A hash check returned "valid" for an algorithm that it did not know."""
    for keys in (KEYS, KeySet([])):
        assert refused(signed({"alg": alg, "kid": "rsa"}), keys, ALGS | {alg}) == "alg is not allowed"


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "none", "kid": "rsa"}, {"alg": "none", "kid": None}])
def test_authlib_cve_2026_28802(header):
    """alg none and an empty signature passed, given a JWK Set."""
    assert refused(forge(header)) in ("alg is not allowed", "kid is not a short printable string")
    assert refused(forge({**header, "alg": "RS256"})) in ("bad signature", "kid is not a short printable string")


def test_joserfc_cve_2025_65015():
    """The error for a token that is too long carried the whole token into the log."""
    words = "attacker-words-"
    tokens = [
        words * 10_000,
        signed({"alg": "RS256", "kid": "rsa", words: words * 400}),
        signed({"alg": words, "kid": words}),
    ]
    for token in tokens:
        with pytest.raises(BadBag) as caught:
            verify(parse(token, types=TYPES, max_chars=20_000), KEYS, ALGS)
        shown = f"{caught.value} {caught.value!r} {caught.value.args} {caught.value.reason}"
        assert len(shown) < 200
        assert words not in shown


@pytest.mark.parametrize("p2c", [2**31 - 1, 2**63, -1, "x"])
def test_joserfc_cve_2026_27932(p2c):
    """PBES2 again: p2c without a bound."""
    assert refused(signed({"alg": "PBES2-HS512+A256KW", "p2s": "AAAA", "p2c": p2c})) == "header has a refused member"


def test_each_forger_here_makes_tokens_that_would_verify():
    token = jws.JWS(json.dumps(CLAIMS).encode())
    token.add_signature(jwk.JWK.from_pyca(RSA), "RS256", json.dumps({"alg": "RS256", "kid": "rsa"}))
    for valid in (token.serialize(compact=True), signed({"alg": "RS256", "kid": "rsa"})):
        assert verify(parse(valid, types=TYPES), KEYS, ALGS) == CLAIMS
    secret = bytes(32)
    symmetric = forge({"alg": "HS256", "kid": "s"}, sign=lambda m: hmac.digest(secret, m, "sha256"))
    assert verify(parse(symmetric, types=TYPES), KeySet([HmacKey(secret, "s")]), ALGS) == CLAIMS
