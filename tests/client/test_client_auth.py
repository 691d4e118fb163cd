"""Client authentication and our own signatures, read by other libraries."""

import base64
import hashlib
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from joserfc import jws
from joserfc.jwk import KeySet, import_key
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from satchel_client.client_auth import (
    ClientAuth,
    ClientSecretBasic,
    ClientSecretPost,
    JWTAssertion,
    NoSecret,
    TLSClientAuth,
    client_auth,
    client_secret_jwt,
    private_key_jwt,
)
from satchel_client.errors import ClientError
from satchel_client.http import Response
from satchel_client.metadata import Metadata
from satchel_client.proof import MOST_NONCES, Prover
from satchel_client.signing import SecretSigner, SigningKey
from satchel_client.token_endpoint import TokenEndpoint

from satchel_jose.algorithms import ALGORITHMS, SIGNATURES

KEYS: dict[str, Any] = {alg: ALGORITHMS[alg].generate() for alg in SIGNATURES}
POST_QUANTUM = {"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}


def pem(key: Any) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def applied(auth: ClientAuth) -> tuple[dict[str, str], dict[str, str]]:
    form: dict[str, str] = {}
    headers: dict[str, str] = {}
    auth.apply(form, headers, "https://as.example.com", time.time())
    return form, headers


@pytest.mark.parametrize("alg", KEYS)
def test_other_libraries_verify_what_a_key_signs(alg: str) -> None:
    key = SigningKey(KEYS[alg], alg, "k1")
    text = key.sign({"typ": "JWT"}, {"sub": "me"})
    JWS.from_jose_token(text).verify(JWK(**key.public_jwk), alg)
    if alg not in {"EdDSA", *POST_QUANTUM}:  # joserfc warns of the name, and does not know the others
        signed = jws.deserialize_compact(text, import_key(key.public_jwk), algorithms=[alg])
        assert signed.headers() == {"alg": alg, "kid": "k1", "typ": "JWT"}
    if alg not in {"Ed25519", *POST_QUANTUM}:  # PyJWT does not know the names
        assert jwt.decode(text, jwt.PyJWK(key.public_jwk, alg), [alg]) == {"sub": "me"}
    assert key.thumbprint == JWK(**key.public_jwk).thumbprint()


@pytest.mark.parametrize("alg", KEYS)
def test_a_key_is_read_from_pem_and_from_a_jwk(alg: str) -> None:
    key = SigningKey(KEYS[alg], alg)
    exported = JWK.from_pem(pem(KEYS[alg])).export_private(as_dict=True)
    short = {name: value for name, value in exported.items() if name not in ("p", "q", "dp", "dq", "qi")}
    for other in (
        SigningKey.from_pem(pem(KEYS[alg]), alg),
        SigningKey.from_jwk({**exported, "alg": alg, "kid": "k"}),
        SigningKey.from_jwk({**short, "alg": alg}),
    ):
        assert (other.alg, other.thumbprint) == (alg, key.thumbprint)
        JWS.from_jose_token(other.sign({}, {})).verify(JWK(**key.public_jwk), alg)
    assert SigningKey.generate(alg).alg == alg


JWKS = {alg: JWK.from_pem(pem(key)).export_private(as_dict=True) for alg, key in KEYS.items()}


@pytest.mark.parametrize(
    "make",
    [
        lambda: SigningKey(object()),
        lambda: SigningKey(KEYS["ES256"], "RS256"),
        lambda: SigningKey(KEYS["RS256"], "HS256"),
        lambda: SigningKey(ec.generate_private_key(ec.SECP256K1())),
        lambda: SigningKey(ec.generate_private_key(ec.SECP384R1()), "ES256"),
        lambda: SigningKey(x25519.X25519PrivateKey.generate()),
        lambda: SigningKey(KEYS["ES256"].public_key()),
        lambda: SigningKey(KEYS["ML-DSA-44"], "ML-DSA-65"),
        lambda: SigningKey.generate("HS256"),
        lambda: SigningKey.generate("none"),
        lambda: SigningKey(rsa.generate_private_key(65537, 1024)),
        lambda: SigningKey.from_pem(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        lambda: SigningKey.from_pem(pem(KEYS["ES256"]), password=b"x"),
        lambda: SigningKey.from_jwk({}),
        lambda: SigningKey.from_jwk({"kty": "oct", "k": "AAAA"}),
        lambda: SigningKey.from_jwk({**JWKS["ES256"], "d": "AAAA"}),
        lambda: SigningKey.from_jwk({**JWKS["ES256"], "d": 7}),
        lambda: SigningKey.from_jwk({**JWKS["EdDSA"], "x": JWKS["ES256"]["x"]}),
        lambda: SigningKey.from_jwk({**JWKS["RS256"], "n": JWKS["PS256"]["n"]}),
        lambda: SigningKey.from_jwk({**JWKS["ML-DSA-44"], "priv": "AAAA"}),
        lambda: SecretSigner("s" * 31),
        lambda: SecretSigner("s" * 47, "HS384"),
        lambda: SecretSigner("s" * 63, "HS512"),
        lambda: SecretSigner("s" * 64, "ES256"),
        lambda: Prover(SigningKey(KEYS["ML-DSA-65"])),
        lambda: Prover(SigningKey(KEYS["ML-DSA-87"])),
    ],
)
def test_a_key_that_cannot_sign_is_refused(make: Any) -> None:
    with pytest.raises(ClientError) as caught:
        make()
    secrets = [str(jwk[name]) for jwk in JWKS.values() for name in ("d", "priv") if name in jwk]
    assert not any(secret in str(caught.value) for secret in secrets)


def test_basic_is_form_encoded_first() -> None:
    form, headers = applied(ClientSecretBasic("a:b c", "p%ä+"))
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")) == b"a%3Ab+c:p%25%C3%A4%2B"
    assert form == {}


def test_secrets_and_names_in_the_form() -> None:
    assert applied(ClientSecretPost("me", "s")) == ({"client_id": "me", "client_secret": "s"}, {})
    assert applied(NoSecret("me")) == applied(TLSClientAuth("me")) == ({"client_id": "me"}, {})


def test_assertions_are_fresh_short_lived_and_for_one_audience() -> None:
    key = SigningKey(KEYS["ES256"], kid="k1")
    seen = set()
    for auth, verifier, alg in (
        (private_key_jwt("me", key), jwt.PyJWK(key.public_jwk, "ES256"), "ES256"),
        (client_secret_jwt("me", "s" * 32), "s" * 32, "HS256"),
    ):
        for _ in range(2):
            form, headers = applied(auth)
            assert headers == {}
            assert form["client_id"] == "me"
            assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            claims = jwt.decode(form["client_assertion"], verifier, [alg], audience="https://as.example.com")
            assert (claims["iss"], claims["sub"]) == ("me", "me")
            assert claims["exp"] - claims["iat"] == 60
            seen.add(claims["jti"])
    assert len(seen) == 4


def test_methods_have_their_registered_names() -> None:
    key = SigningKey(KEYS["ES256"])
    made = [client_auth(method, "me", secret="s", key=key) for method in ("client_secret_basic", "client_secret_post")]
    assert made == [ClientSecretBasic("me", "s"), ClientSecretPost("me", "s")]
    assert client_auth("none", "me") == NoSecret("me")
    assert client_auth("tls_client_auth", "me") == TLSClientAuth("me")
    assert client_auth("self_signed_tls_client_auth", "me") == TLSClientAuth("me")
    for method in ("private_key_jwt", "client_secret_jwt"):
        assert isinstance(client_auth(method, "me", secret="s" * 32, key=key), JWTAssertion)
    for method in ("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "magic"):
        with pytest.raises(ClientError, match=method):
            client_auth(method, "me")


def test_a_client_with_a_certificate_uses_the_endpoint_for_it() -> None:
    metadata = Metadata(
        "https://as.example.com",
        "https://as.example.com/token",
        mtls_endpoint_aliases={"token_endpoint": "https://mtls.example.com/token"},
    )
    body = b'{"issuer":"%s","token_endpoint":"%s","mtls_endpoint_aliases":{"token_endpoint":"%s"}}' % (
        metadata.issuer.encode(),
        metadata.token_endpoint.encode(),
        b"https://mtls.example.com/token",
    )
    for auth, expected in (
        (TLSClientAuth("me"), "https://mtls.example.com/token"),
        (NoSecret("me"), "https://as.example.com/token"),
    ):
        exchange = TokenEndpoint(auth, issuer=metadata.issuer).ask({"grant_type": "client_credentials"})
        assert next(exchange).url == "https://as.example.com/.well-known/oauth-authorization-server"
        assert exchange.send(Response(200, {}, body)).url == expected


def test_a_proof_is_for_one_request() -> None:
    key = SigningKey(KEYS["ES256"])
    prover = Prover(key, clock=lambda: 1_800_000_000.7)
    text = prover.proof("GET", "https://user:pw@api.example.com:8443/a%20b?c=d#e", "token")
    claims = jwt.decode(text, jwt.PyJWK(key.public_jwk, "ES256"), ["ES256"], options={"verify_iat": False})
    assert (
        claims.pop("jti") != jwt.decode(prover.proof("GET", "https://x/"), options={"verify_signature": False})["jti"]
    )
    assert claims == {
        "htm": "GET",
        "htu": "https://api.example.com:8443/a%20b",
        "iat": 1_800_000_000,
        "ath": base64.urlsafe_b64encode(hashlib.sha256(b"token").digest()).rstrip(b"=").decode(),
    }
    header = jwt.get_unverified_header(text)
    assert header == {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.public_jwk}
    assert prover.thumbprint == key.thumbprint


def test_nonces_are_each_origins_own_and_bounded() -> None:
    prover = Prover(SigningKey(KEYS["ES256"]))
    assert prover.learn("https://a.example.com/x", "n1")
    assert not prover.learn("https://a.example.com/y", "n1")
    assert not prover.learn("https://a.example.com/y", None)

    def nonce(url: str) -> object:
        return jwt.decode(prover.proof("GET", url), options={"verify_signature": False}).get("nonce")

    assert nonce("https://a.example.com/z") == "n1"
    assert nonce("https://b.example.com/z") is None
    for n in range(MOST_NONCES):
        prover.learn(f"https://{n}.example.com/", "n")
    assert nonce("https://a.example.com/") is None
    assert nonce("https://0.example.com/") == "n"


def test_joserfc_reads_a_set_of_our_public_keys() -> None:
    public = [SigningKey(key, alg, alg).public_jwk for alg, key in KEYS.items()]
    known = KEYS.keys() - POST_QUANTUM  # it passes over those that it does not know
    assert len(KeySet.import_key_set({"keys": public}).keys) == len(known)
