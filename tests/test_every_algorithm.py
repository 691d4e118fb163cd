"""Every row of the table of algorithms goes wherever an algorithm goes, and libraries that know it agree."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jwt
import pytest
from joserfc import jwk as joserfc_jwk
from joserfc import jws as joserfc_jws
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from satchel_client.client_auth import client_secret_jwt, private_key_jwt
from satchel_client.errors import ClientError, InvalidToken
from satchel_client.jwe import read_own_keys
from satchel_client.presented import Presented
from satchel_client.proof import Prover
from satchel_client.signing import SigningKey
from satchel_client.verifier import Verifier

from keys import KeyStore, Policy, Ring, rotate
from satchel_jose.algorithms import ALGORITHMS, MACS, PROOFS, SIGNATURES
from satchel_jose.base64url import encode
from service.app import load
from service.config import ConfigError
from tests.worlds.client_proofs import client_toml
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import API, ISSUER, VAULT
from tests.worlds.satchel import NOW, Satchel
from tests.worlds.toml import tables, value
from tests.worlds.users import ALICE

MASTER_KEY = bytes(range(32))
SECRET = "a-secret-that-is-long-enough-for-each-of-the-three-hashes-of-the-table"
DIGEST = hashlib.sha256(b"secret").hexdigest()
RESOURCE_SERVER = basic("rs", "secret")
CALLBACK = "https://app.example.com/callback"
POST_QUANTUM = {"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}
RECIPIENT = JWK.generate(kty="EC", crv="P-256", kid="vault-1", use="enc")
PUBLIC = RECIPIENT.export_public(as_dict=True)

each_signature = pytest.mark.parametrize("alg", SIGNATURES)
pytestmark = pytest.mark.filterwarnings("ignore:.*EdDSA:joserfc.errors.SecurityWarning")


def configuration(alg: str, key: SigningKey, formats: Iterable[str] = ("jwt", "jwe")) -> str:
    """A service that signs everything with `alg`, and a client that proves itself with `key`."""
    resources = {"jwt": {"identifier": API}, "jwe": {"identifier": VAULT, "encryption_key": PUBLIC}}
    tables = "".join(table("resources", format=name, scopes=["read"], **resources[name]) for name in formats)
    client = table(
        "clients",
        id="app",
        auth_methods=["private_key_jwt"],
        grants=["authorization_code", "client_credentials"],
        scopes=["openid", "read"],
        resources=[str(resources[name]["identifier"]) for name in formats],
        redirect_uris=[CALLBACK],
        jwks={"keys": [{**key.public_jwk, "kid": "k", "use": "sig"}]},
        request_object_signing_alg=alg,
        id_token_signed_response_alg=alg,
        userinfo_signed_response_alg=alg,
    )
    return f"""issuer = "{ISSUER}"
default_resource = "{API}"

[keys]
signing_algs = ["{alg}"]

[openid]
enabled = true

{tables}{client}{ALICE}
[[clients]]
id = "rs"
secrets = [{{ sha256 = "{DIGEST}" }}]
serves = {value([resources[name]["identifier"] for name in formats])}
"""


def table(name: str, **members: Any) -> str:
    """One table of an array of tables, in TOML."""
    return "\n" + tables(name, members)


class Signed:
    """The service of an algorithm, a key of its client, and what both make."""

    def __init__(self, alg: str, directory: Path) -> None:
        self.alg = alg
        self.key = SigningKey.generate(alg, "k")
        formats = ("jwt", "jwe") if ALGORITHMS[alg].in_jwe else ("jwt",)
        self.satchel = Satchel(directory, configuration(alg, self.key, formats))
        self.jwks = self.satchel.get("/jwks").json()

    def post(self, path: str, headers: dict[str, str] | None = None, **form: str) -> Answer:
        """Send a form of the client, with an assertion that satchel-client has made."""
        private_key_jwt("app", self.key).apply(form, {}, ISSUER, self.satchel.now)
        return self.satchel.post(path, form, headers)

    def tokens(self, headers: dict[str, str] | None = None, **form: str) -> dict[str, Any]:
        """Return an answer of the token endpoint."""
        answer = self.post("/token", headers, **{"grant_type": "client_credentials", **form})
        assert answer.status == 200, answer.body
        return dict(answer.json())

    def verifier(self, jwks: dict[str, Any] | None = None) -> Verifier:
        """Return a verifier of satchel-client."""
        clock: Callable[[], float] = lambda: self.satchel.now  # noqa: E731
        return Verifier(ISSUER, API, jwks=jwks or self.jwks, algorithms=[self.alg], clock=clock)

    def claims(self, text: str, typ: str) -> dict[str, Any]:
        """Return the claims of a token of `typ`, once every library that knows the algorithm has verified it."""
        header = jwt.get_unverified_header(text)
        assert (header["alg"], header["typ"]) == (self.alg, typ)
        [public] = [key for key in self.jwks["keys"] if key["kid"] == header["kid"]]
        assert public["alg"] == self.alg
        seen = JWS.from_jose_token(text)
        seen.verify(JWK(**public), self.alg)
        claims = json.loads(seen.payload)
        if self.alg not in {"Ed25519", *POST_QUANTUM}:
            options = {"verify_aud": False, "verify_exp": False, "verify_iat": False}
            assert jwt.decode(text, jwt.PyJWK(public), [self.alg], options=options) == claims
        if self.alg not in POST_QUANTUM:
            key = joserfc_jwk.import_key(public)
            assert json.loads(joserfc_jws.deserialize_compact(text, key, algorithms=[self.alg]).payload) == claims
        return dict(claims)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Signed]:
    """The service of each algorithm; made once, because RSA keys take their time."""
    made: dict[str, Signed] = {}

    def service(alg: str) -> Signed:
        if alg not in made:
            made[alg] = Signed(alg, tmp_path_factory.mktemp("signed"))
        return made[alg]

    return service


def code(service: Signed) -> str:
    return service.satchel.code(
        client_id="app", scopes=("openid", "read"), redirect_uri=CALLBACK, auth_time=NOW - 5, nonce="n"
    )


@pytest.mark.slow
@each_signature
def test_the_key_store_wrapping_and_rotation(tmp_path: Path, alg: str) -> None:
    policy = Policy(signing_algs=(alg,))
    ring = rotate(Ring(), policy, NOW)
    plain, wrapped = KeyStore(tmp_path / "plain"), KeyStore(tmp_path / "wrapped", MASTER_KEY)
    later = NOW + policy.period + policy.reload + policy.skew
    for store in (plain, wrapped):
        with store.lock():
            store.save(ring)
            assert store.load() == ring
            signature = ring.signer(alg, NOW).sign(b"data")
            turned = rotate(store.load(), policy, later)
            store.save(turned)
            assert store.load() == turned
        old, new = store.load().by_kid(ring.signer(alg, NOW).kid), store.load().signer(alg, later)
        assert old is not None
        assert (old.usable, old.kid == new.kid) == (False, False)  # it verifies still, and signs no more
        assert old.verify(signature, b"data")  # type: ignore[attr-defined]
        assert new.verify(new.sign(b"data"), b"data")
    files = [file.read_bytes() for file in (tmp_path / "wrapped").glob("*.jwe")]
    assert len(files) == len(store.load().keys)


@each_signature
def test_the_jwks_shows_public_members_alone(signed: Callable[[str], Signed], alg: str) -> None:
    kind = ALGORITHMS[alg].kind
    shown = [key for key in signed(alg).jwks["keys"] if key["alg"] == alg]
    assert len(shown) == 2
    for key in shown:
        assert key.keys() == {*kind.fixed, *kind.public, "kid", "alg", "use"}
        assert JWK(**key).has_public


@each_signature
def test_access_tokens_and_introspection(signed: Callable[[str], Signed], alg: str) -> None:
    service = signed(alg)
    token = service.tokens()["access_token"]
    claims = service.claims(token, "at+jwt")
    assert claims["sub"] == "app"
    assert service.verifier().verify(token).subject == "app"
    assert service.satchel.introspect(token, RESOURCE_SERVER).json()["active"] is True
    accept = {**RESOURCE_SERVER, "Accept": "application/token-introspection+jwt"}
    answer = service.satchel.post("/introspect", {"token": token}, accept)
    assert service.claims(answer.body.decode(), "token-introspection+jwt")["token_introspection"]["active"] is True
    with pytest.raises(InvalidToken) as refused:
        service.verifier(signed("ES256" if alg != "ES256" else "ES384").jwks).verify(token)
    assert refused.value.reason == "unknown kid"


@each_signature
def test_id_tokens_and_userinfo(signed: Callable[[str], Signed], alg: str) -> None:
    service = signed(alg)
    tokens = service.tokens(grant_type="authorization_code", code=code(service), redirect_uri=CALLBACK)
    claims = service.claims(tokens["id_token"], "JWT")
    digest = ALGORITHMS[alg].digest(tokens["access_token"].encode())
    assert claims["at_hash"] == encode(digest[: len(digest) // 2]).decode()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert service.claims(service.satchel.get("/userinfo", bearer).body.decode(), "userinfo+jwt")["sub"] == "alice"
    # An id_token_hint (RP-Initiated Logout section 2) is opened again.
    assert service.satchel.context.snapshot.open_id_token(tokens["id_token"], NOW)["sub"] == "alice"


@each_signature
def test_client_assertions_and_request_objects(signed: Callable[[str], Signed], alg: str) -> None:
    service = signed(alg)
    now = int(service.satchel.now)
    claims: dict[str, Any] = {"iss": "app", "aud": ISSUER, "client_id": "app", "iat": now, "exp": now + 60}
    claims |= {"response_type": "code", "redirect_uri": CALLBACK, "scope": "read", "state": "s"}
    claims |= {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
    header = {"typ": "oauth-authz-req+jwt"}
    by_jwcrypto = JWS(json.dumps(claims))
    private = JWK.from_pyca(service.key._key)
    by_jwcrypto.add_signature(private, alg, {**header, "alg": alg, "kid": "k"})
    for text in (service.key.sign(header, claims), by_jwcrypto.serialize(compact=True)):
        assert service.post("/par", request=text).status == 201, service.satchel.log[-1]
        head, body, signature = text.split(".")
        other = "A" if signature[10] != "A" else "B"
        answer = service.post("/par", request=f"{head}.{body}.{signature[:10]}{other}{signature[11:]}")
        assert (answer.status, answer.json()["error"]) == (400, "invalid_request_object")
        assert service.satchel.log[-1]["reason"] == "bad signature"


@pytest.mark.parametrize("alg", MACS)
def test_assertions_with_a_secret(tmp_path: Path, alg: str) -> None:
    whole = configuration("ES256", SigningKey.generate())
    satchel = Satchel(tmp_path, whole + client_toml("mac", "client_secret_jwt", scopes=["read"], hmac_secret=SECRET))
    form: dict[str, str] = {"grant_type": "client_credentials"}
    client_secret_jwt("mac", SECRET, alg).apply(form, {}, ISSUER, NOW)
    assert jwt.get_unverified_header(form["client_assertion"])["alg"] == alg
    assert jwt.decode(form["client_assertion"], SECRET, [alg], audience=ISSUER, options={"verify_iat": False})
    assert satchel.post("/token", form).status == 200
    form["client_assertion"] += "A"
    assert satchel.post("/token", form).status == 401


@each_signature
def test_dpop_proofs(signed: Callable[[str], Signed], alg: str) -> None:
    service = signed(alg)
    url = "https://api.example.com/rooms"
    metadata = service.satchel.get("/.well-known/oauth-authorization-server").json()
    assert (alg in metadata["dpop_signing_alg_values_supported"]) is (alg in PROOFS)
    if alg not in PROOFS:
        with pytest.raises(ClientError, match="do not fit"):
            Prover(service.key)
        claims = {"htm": "POST", "htu": ISSUER + "/token", "iat": NOW, "jti": "j"}
        header = {"typ": "dpop+jwt", "jwk": service.key.public_jwk}
        proof = {"DPoP": service.key.sign(header, claims)}
        answer = service.post("/token", proof, grant_type="client_credentials")
        assert answer.json()["error"] == "invalid_dpop_proof"
        return
    prover = Prover(service.key, clock=lambda: service.satchel.now)
    tokens = service.tokens({"DPoP": prover.proof("POST", ISSUER + "/token")})
    assert tokens["token_type"] == "DPoP"
    token = tokens["access_token"]
    assert service.claims(token, "at+jwt")["cnf"] == {"jkt": JWK(**service.key.public_jwk).thumbprint()}
    presented = Presented(token, "dpop", [prover.proof("GET", url, token)], "GET", url)
    assert service.verifier().verify(presented).jkt == prover.thumbprint
    other = Prover(SigningKey.generate(), clock=lambda: service.satchel.now)
    with pytest.raises(InvalidToken):
        service.verifier().verify(Presented(token, "dpop", [other.proof("GET", url, token)], "GET", url))


@each_signature
def test_tokens_that_are_encrypted_too(signed: Callable[[str], Signed], tmp_path: Path, alg: str) -> None:
    """Where the result would not fit into a header field, `make check` says so: nobody could send such a token."""
    if not ALGORITHMS[alg].in_jwe:
        file = tmp_path / "satchel.toml"
        file.write_text(configuration(alg, SigningKey.generate(kid="k"), ("jwe",)).replace(f'"{alg}"\n', '"ES256"\n'))
        with pytest.raises(ConfigError, match=r"resources\[0\]\.signing_alg: format \"jwe\""):
            load(file, {})
        return
    service = signed(alg)
    token = service.tokens(resource=VAULT)["access_token"]
    assert len("Authorization: Bearer " + token) <= 8190
    sealed = JWE()
    sealed.deserialize(token, RECIPIENT)
    assert service.claims(sealed.payload.decode(), "at+jwt")["aud"] == VAULT
    assert service.satchel.introspect(token, RESOURCE_SERVER).json()["active"] is True
    own_keys = read_own_keys([RECIPIENT.export(as_dict=True)])
    settings: dict[str, Any] = {"own_keys": own_keys, "clock": lambda: service.satchel.now}
    assert Verifier(ISSUER, VAULT, jwks=service.jwks, **settings).verify(token).subject == "app"
