"""ID tokens (OpenID Connect Core section 2): what they say, to whom, and that strangers' libraries verify them."""

import base64
import json
from collections.abc import Iterator
from hashlib import sha256, sha384, sha512
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from authlib.oidc.core import CodeIDToken
from joserfc import jwe as joserfc_jwe
from joserfc import jwt as joserfc_jwt
from joserfc.errors import InvalidClaimError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from service.bags.errors import BadBag
from service.bags.kinds import KINDS
from service.bags.snapshot import Snapshot
from service.clients.registry import Registry
from tests.worlds.dpop import Holder
from tests.worlds.http import granted, refused
from tests.worlds.identifiers import API, ISSUER
from tests.worlds.openid import RECIPIENTS, SCOPES, OpenId
from tests.worlds.satchel import NOW

ALGS = {"web": "RS256", "es256": "ES256", "eddsa": "EdDSA", "ps256": "PS256", "es384": "ES384"}
HASHES = {"RS256": sha256, "ES256": sha256, "PS256": sha256, "ES384": sha384, "EdDSA": sha512}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> OpenId:
    return OpenId(tmp_path_factory.mktemp("id_token"))


@pytest.fixture
def openid(service: OpenId) -> Iterator[OpenId]:
    yield service
    service.now = float(NOW)


def test_what_it_says(openid: OpenId) -> None:
    grant = {"family": "0123456789-0123456789x", "acr": "urn:example:silver", "amr": ("pwd", "otp")}
    tokens = openid.tokens(nonce="n-0S6_WzA2Mj", scope=SCOPES + " read", **grant)
    half = base64.urlsafe_b64encode(sha256(tokens["access_token"].encode()).digest()[:16]).decode().rstrip("=")
    assert openid.claims(tokens["id_token"]) == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "web",
        "exp": NOW + 600,
        "iat": NOW,
        "auth_time": NOW - 5,
        "nonce": "n-0S6_WzA2Mj",
        "acr": "urn:example:silver",
        "amr": ["pwd", "otp"],
        "sid": "0123456789-",
        "at_hash": half,
    }


def test_what_is_not_known_is_not_said(openid: OpenId) -> None:
    claims = openid.claims(openid.tokens(auth_time=0, amr=())["id_token"])
    assert claims.keys() == {"iss", "sub", "aud", "exp", "iat", "sid", "at_hash"}


@pytest.mark.parametrize("client", ALGS)
def test_the_algorithm_is_the_clients(openid: OpenId, client: str) -> None:
    tokens = openid.tokens(client)
    alg = ALGS[client]
    assert jwt.get_unverified_header(tokens["id_token"]).keys() == {"alg", "kid", "typ"}
    assert jwt.get_unverified_header(tokens["id_token"])["alg"] == alg
    digest = HASHES[alg](tokens["access_token"].encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")
    assert openid.claims(tokens["id_token"], client)["at_hash"] == half


@pytest.mark.filterwarnings("ignore:.*EdDSA:joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("client", ALGS)
def test_joserfc_verifies_it_and_authlib_is_content(openid: OpenId, client: str) -> None:
    tokens = openid.tokens(client, nonce="n")
    keys = KeySet.import_key_set(openid.get("/jwks").json())
    decoded = joserfc_jwt.decode(tokens["id_token"], keys, algorithms=[ALGS[client]])
    assert decoded.claims == openid.claims(tokens["id_token"], client)
    options = {"iss": {"value": ISSUER}, "aud": {"value": client}}
    parameters = {"nonce": "n", "client_id": client, "access_token": tokens["access_token"], "max_age": 60}
    CodeIDToken(decoded.claims, decoded.header, options, parameters).validate(now=NOW)
    with pytest.raises(InvalidClaimError):
        CodeIDToken(decoded.claims, decoded.header, options, {**parameters, "access_token": "x"}).validate(now=NOW)


@pytest.mark.parametrize("kind", RECIPIENTS)
def test_one_that_is_sealed_to_the_client(openid: OpenId, kind: str) -> None:
    client, private = f"for-{kind}", RECIPIENTS[kind]
    text = openid.tokens(client)["id_token"]
    key = {"rsa": RSAKey, "p256": ECKey, "x25519": OKPKey}[kind].import_key(private.export(as_dict=True))
    alg = "RSA-OAEP-256" if kind == "rsa" else "ECDH-ES+A256KW"
    opened = joserfc_jwe.decrypt_compact(text, key, algorithms=[alg, "A256GCM"])
    header = opened.headers()
    assert (header["alg"], header["enc"], header["cty"], header["kid"]) == (alg, "A256GCM", "JWT", f"{kind}-1")
    assert "ak" not in header
    assert opened.plaintext is not None
    assert openid.claims(opened.plaintext.decode(), client)["aud"] == client
    assert openid.tokens(client)["id_token"] != text


def test_only_openid_gives_one(openid: OpenId) -> None:
    assert "id_token" not in openid.tokens(scope="read")
    assert "id_token" not in granted(openid.send("web", {"grant_type": "client_credentials"}))


def test_where_openid_connect_is_off_there_is_none(tmp_path: Path) -> None:
    service = OpenId(tmp_path)
    off = msgspec.structs.replace(service.settings.openid, enabled=False)
    registry = Registry(msgspec.structs.replace(service.settings, openid=off))
    service.app.runtime.context = service.context._replace(registry=registry)
    assert "id_token" not in service.tokens(scope="openid read")


# --- refresh


def test_a_refresh_brings_a_new_one_of_the_same_login(openid: OpenId) -> None:
    first = openid.tokens(nonce="n", scope="openid offline_access read", auth_time=NOW - 100)
    openid.now += 1000
    second = granted(openid.send("web", {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}))
    before, after = openid.claims(first["id_token"]), openid.claims(second["id_token"])
    assert (after["iat"], after["exp"], after["auth_time"]) == (NOW + 1000, NOW + 1600, NOW - 100)
    assert "nonce" not in after
    for name in ("iss", "sub", "aud", "sid", "amr"):
        assert after[name] == before[name]
    assert after["at_hash"] != before["at_hash"]


def test_a_refresh_without_openid_brings_none(openid: OpenId) -> None:
    first = openid.tokens(scope="openid offline_access read")
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert "id_token" not in granted(openid.send("web", {**form, "scope": "read"}))
    assert "id_token" in granted(openid.send("web", {**form, "scope": "openid"}))


def test_only_offline_access_gives_a_refresh_token(openid: OpenId) -> None:
    assert "refresh_token" not in openid.tokens(scope="openid read")
    assert "refresh_token" in openid.tokens(scope="openid offline_access")
    assert "refresh_token" in openid.tokens(scope="read")


# --- claims


def test_scopes_put_nothing_about_people_into_it(openid: OpenId) -> None:
    claims = openid.claims(openid.tokens(scope=SCOPES)["id_token"])
    assert not {"name", "email", "address", "phone_number"} & claims.keys()


def test_claims_that_were_asked_for_by_name(openid: OpenId) -> None:
    asked = (("email", "name", "groups", "unknown"), ("phone_number",))
    claims = openid.claims(openid.tokens(asked=asked)["id_token"])
    assert (claims["email"], claims["groups"]) == ("alice@example.com", ["tea party"])
    assert (claims["name"], claims["name#ja"]) == ("Alice Liddell", "アリス")
    assert not {"unknown", "phone_number", "email_verified"} & claims.keys()


def test_claims_in_one_language(openid: OpenId) -> None:
    claims = openid.claims(openid.tokens(asked=(("name#ja",),))["id_token"])
    assert claims["name#ja"] == "アリス"
    assert "name" not in claims


def test_no_claim_of_a_person_takes_the_place_of_ours(openid: OpenId) -> None:
    asked = (("iss", "sub", "nonce", "aud", "iss#en", "email"),)
    claims = openid.claims(openid.tokens(asked=asked)["id_token"])
    assert (claims["iss"], claims["sub"], claims["aud"]) == (ISSUER, "alice", "web")
    assert "nonce" not in claims
    assert claims["email"] == "alice@example.com"


def test_a_client_asks_for_no_more_than_its_scopes(openid: OpenId) -> None:
    """`quiet` may not ask for profile, and groups, which are of no scope, count as profile."""
    claims = openid.claims(openid.tokens("quiet", asked=(("email", "name", "groups", "name#ja"),))["id_token"], "quiet")
    assert claims["email"] == "alice@example.com"
    assert not {"name", "name#ja", "groups"} & claims.keys()


def test_claims_that_only_the_login_knew(tmp_path: Path) -> None:
    openid = OpenId(tmp_path, users=False)
    asked, known = (("email",),), {"email": "a@b.example", "name": "A", "iss": "x"}
    tokens = openid.tokens(asked=asked, claims=known, scope="openid offline_access")
    assert openid.claims(tokens["id_token"])["email"] == "a@b.example"
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    again = granted(openid.send("web", form))
    assert openid.claims(again["id_token"])["email"] == "a@b.example"
    assert "name" not in openid.claims(again["id_token"])


# --- pairwise


def subs(openid: OpenId, client: str, **of: Any) -> set[str]:
    tokens = openid.tokens(client, **of)
    access = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    info = openid.userinfo(tokens["access_token"]).json()
    return {openid.claims(tokens["id_token"], client)["sub"], access["sub"], info["sub"]}


def test_a_pseudonym_is_the_same_everywhere_in_a_sector_and_nowhere_else(openid: OpenId) -> None:
    [a], [b], [c] = (subs(openid, client) for client in ("pair-a", "pair-b", "pair-c"))
    assert a == b
    assert len({a, c, "alice"}) == 3
    assert subs(openid, "pair-a", sub="mallory") != {a}
    assert len(a) == 43


def test_a_pseudonym_outlives_a_restart(openid: OpenId, tmp_path: Path) -> None:
    assert subs(OpenId(tmp_path), "pair-a") == subs(openid, "pair-a")


@pytest.mark.parametrize("scope", ["openid read", "read", "openid"])
@pytest.mark.parametrize("resource", [API, "https://vault.example.com", "https://sealed.example.com"])
def test_nobody_but_us_learns_whom_a_pseudonym_means(openid: OpenId, scope: str, resource: str) -> None:
    tokens = openid.tokens("pair-a", scope=f"{scope} vault sealed", form={"resource": resource})
    seen = openid.seen(tokens["access_token"])
    assert seen["active"]
    assert "alice" not in json.dumps(seen)
    assert "personal" not in seen
    if tokens["access_token"].count(".") == 2:
        access = jwt.decode(tokens["access_token"], options={"verify_signature": False})
        assert "alice" not in json.dumps(access)


def test_a_refreshed_pseudonym(openid: OpenId) -> None:
    first = openid.tokens("pair-a", scope="openid offline_access read")
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = granted(openid.send("pair-a", form))
    assert openid.claims(second["id_token"], "pair-a")["sub"] == openid.claims(first["id_token"], "pair-a")["sub"]


# --- hints


def test_it_opens_as_a_hint_and_as_nothing_else(openid: OpenId) -> None:
    text, snapshot = openid.tokens()["id_token"], openid.context.snapshot
    assert snapshot.open_id_token(text, NOW) == openid.claims(text)
    assert snapshot.open_id_token(text, NOW + 86_000)["sub"] == "alice"
    with pytest.raises(BadBag):
        snapshot.open(text, KINDS, NOW)


def test_what_is_no_hint(openid: OpenId) -> None:
    tokens = openid.tokens(scope=SCOPES + " read")
    text, snapshot = tokens["id_token"], openid.context.snapshot
    header, payload, signature = text.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    others = [tokens["access_token"], tokens["refresh_token"], openid.tokens("for-rsa")["id_token"], "", "é", "." * 9]
    changed = [f"{none}.{payload}.", f"{header}.{payload}.", f"{header}.{payload}.{signature}=", text + "A" * 9000]
    for bad in (*others, *changed, f"{header}.{payload[:-2]}AA.{signature}"):
        with pytest.raises(BadBag):
            snapshot.open_id_token(bad, NOW)
    with pytest.raises(BadBag):  # keys copied from staging open nothing in production
        Snapshot(snapshot.ring, "https://staging.example.com").open_id_token(text, NOW)
    with pytest.raises(BadBag):  # once its key has expired
        snapshot.open_id_token(text, NOW + 400 * 86_400)


def test_a_refusal_has_none(openid: OpenId) -> None:
    refused(openid.send("web", {"grant_type": "authorization_code", "code": openid.tokens()["id_token"]}))


def test_a_bound_code_has_one_too(openid: OpenId) -> None:
    holder = Holder()
    tokens = openid.tokens(dpop=holder.proof(NOW))
    assert tokens["token_type"] == "DPoP"
    assert openid.claims(tokens["id_token"])["sub"] == "alice"
