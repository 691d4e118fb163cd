"""Attacks 7, 64–67: what is tried with DPoP proofs at the token endpoint, the nonce among them."""

import base64
import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from service.app import create_app
from tests.worlds.bags import other_spellings
from tests.worlds.dpop import Holder
from tests.worlds.http import Answer, basic, form_bytes, granted, refused
from tests.worlds.identifiers import API, ISSUER
from tests.worlds.quick import other_keys
from tests.worlds.refresh_chains import RESOURCES, RefreshChains
from tests.worlds.satchel import NOW

CC = {"grant_type": "client_credentials"}
URL = ISSUER + "/token"


@pytest.fixture
def sessions(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path / "dpop")


def send(sessions: RefreshChains, proof: str, client: str = "web") -> Answer:
    return sessions.send("/token", client, CC, proof)


def bad(sessions: RefreshChains, proof: str) -> None:
    answer = send(sessions, proof)
    refused(answer, "invalid_dpop_proof")
    assert answer.json()["error_description"] == "the DPoP proof is invalid, expired, or was used before"


# --- what a good one gives


@pytest.mark.parametrize("form", RESOURCES)
def test_the_token_is_bound_and_says_so(sessions: RefreshChains, form: str) -> None:
    holder = Holder()
    tokens = granted(sessions.send("/token", "web", {**CC, "resource": RESOURCES[form]}, holder.proof(NOW)))
    assert tokens["token_type"] == "DPoP"
    seen = sessions.seen(tokens["access_token"])
    assert (seen["token_type"], seen["cnf"]) == ("DPoP", {"jkt": holder.jkt})
    if form == "jwt":
        claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
        assert claims["cnf"] == {"jkt": holder.jkt}


def test_without_a_proof_the_token_is_a_bearers(sessions: RefreshChains) -> None:
    tokens = granted(sessions.send("/token", "web", CC))
    assert tokens["token_type"] == "Bearer"
    seen = sessions.seen(tokens["access_token"])
    assert seen["token_type"] == "Bearer"
    assert "cnf" not in seen


def test_a_client_that_must_use_dpop(sessions: RefreshChains) -> None:
    refused(sessions.redeem(sessions.code("wallet"), "wallet"), "invalid_dpop_proof")
    assert sessions.begin("wallet", Holder().proof(NOW))["token_type"] == "DPoP"


# --- 7


def test_07_a_private_or_symmetric_key_in_the_proof(sessions: RefreshChains) -> None:
    holder = Holder()
    bad(sessions, holder.proof(NOW, header={"jwk": holder.key.export(as_dict=True)}))
    secret = Holder(kty="oct", size=256)
    bad(sessions, secret.proof(NOW, alg="HS256", header={"jwk": secret.key.export(as_dict=True)}))


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "", None, [], "ES512", "RS1"])
def test_01_algorithms_that_are_none(sessions: RefreshChains, alg: Any) -> None:
    proof = Holder().proof(NOW)
    header, payload, signature = proof.split(".")
    members = json.loads(base64.urlsafe_b64decode(header + "=="))
    changed = base64.urlsafe_b64encode(json.dumps({**members, "alg": alg}).encode()).decode().rstrip("=")
    for end in (signature, ""):
        bad(sessions, f"{changed}.{payload}.{end}")


# --- 64


def test_64_a_proof_is_good_once(sessions: RefreshChains) -> None:
    proof = Holder().proof(NOW)
    granted(send(sessions, proof))
    for _ in range(3):
        bad(sessions, proof)
        assert sessions.reason == "replayed"
    sessions.now += 120
    bad(sessions, proof)
    sessions.now += 1
    bad(sessions, proof)
    assert sessions.reason != "replayed"  # too old, by now


def test_64_the_same_jti_in_another_proof_of_the_same_key(sessions: RefreshChains) -> None:
    holder = Holder()
    granted(send(sessions, holder.proof(NOW, jti="once")))
    bad(sessions, holder.proof(NOW - 5, jti="once"))
    bad(sessions, holder.proof(NOW, jti="once", htu=URL + "?x"))
    granted(send(sessions, Holder().proof(NOW, jti="once")))  # nobody can use up another's


def test_64_one_client_cannot_replay_anothers(sessions: RefreshChains) -> None:
    proof = Holder().proof(NOW)
    granted(send(sessions, proof, "web"))
    refused(send(sessions, proof, "other"), "invalid_dpop_proof")


def test_64_two_headers(sessions: RefreshChains) -> None:
    holder = Holder()
    one, two = holder.proof(NOW), holder.proof(NOW)
    kind = ("Content-Type", "application/x-www-form-urlencoded")
    common = [kind, *basic("web", "secret").items()]
    for pair in ((one, two), (one, one), (one, "")):
        headers = [*common, ("DPoP", pair[0]), ("dpop", pair[1])]
        refused_once = sessions.request("POST", "/token", form_bytes(CC), headers)
        assert (refused_once.status, refused_once.json()["error"]) == (400, "invalid_request")
    for joined in (f"{one},{two}", f"{one}, {two}"):
        bad(sessions, joined)
    granted(send(sessions, one))
    granted(send(sessions, two))


def test_64_other_spellings_of_a_used_proof(sessions: RefreshChains) -> None:
    proof = Holder().proof(NOW)
    granted(send(sessions, proof))
    header, payload, signature = proof.split(".")
    for other in (*other_spellings(signature), signature + "=", signature + "A"):
        bad(sessions, f"{header}.{payload}.{other}")


# --- 65


@pytest.mark.parametrize(
    "claims",
    [
        {"htm": "GET"},
        {"htm": "post"},
        {"htm": None},
        {"htu": None},
        {"htu": ISSUER + "/introspect"},
        {"htu": ISSUER + "/Token"},
        {"htu": ISSUER + ":8443/token"},
        {"htu": ISSUER.replace("https", "http") + "/token"},
        {"htu": [URL]},
        {"htu": 1},
        {"htu": "https://as.example.com.evil.example.com/token"},
        {"iat": NOW - 121},
        {"iat": NOW + 61},
        {"iat": None},
        {"iat": "now"},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 1000},
        {"nbf": NOW + 100},
        {"exp": NOW - 100},
    ],
    ids=str,
)
def test_65_claims_that_do_not_fit(sessions: RefreshChains, claims: dict[str, Any]) -> None:
    holder = Holder()
    bad(sessions, holder.proof(NOW, **claims))
    granted(send(sessions, holder.proof(NOW)))


@pytest.mark.parametrize("htu", [URL + "?a=b", URL + "#x", "https://AS.EXAMPLE.COM:443/token"])
def test_65_what_of_htu_does_not_count(sessions: RefreshChains, htu: str) -> None:
    granted(send(sessions, Holder().proof(NOW, htu=htu)))


def test_65_the_host_header_does_not_count(sessions: RefreshChains) -> None:
    holder = Holder()
    theirs = {"Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com", **basic("web", "secret")}
    proof = holder.proof(NOW, "https://evil.example.com/token")
    refused(sessions.post("/token", CC, {**theirs, "DPoP": proof}), "invalid_dpop_proof")
    granted(sessions.post("/token", CC, {**theirs, "DPoP": holder.proof(NOW)}))


# --- 66: jkt swapped


def test_66_a_code_for_another_key(sessions: RefreshChains) -> None:
    holder, thief = Holder(), Holder()
    code = sessions.code("spa", dpop_jkt=holder.jkt)
    refused(sessions.redeem(code, "spa", thief.proof(NOW)))
    refused(sessions.redeem(code, "spa"))
    granted(sessions.redeem(code, "spa", holder.proof(NOW)))


# --- 67: nonces


def nonce_of(answer: Answer) -> str:
    refused(answer, "use_dpop_nonce")
    return answer.headers["dpop-nonce"]


def test_67_the_whole_dance(sessions: RefreshChains) -> None:
    """RFC 9449 section 8: refused with a nonce, then good with it, and a nonce for the next time."""
    holder, code = Holder(), sessions.code("nonced")
    nonce = nonce_of(sessions.redeem(code, "nonced", holder.proof(NOW)))
    answer = sessions.redeem(code, "nonced", holder.proof(NOW, nonce=nonce))
    tokens = granted(answer)
    sessions.now += 60
    proof = holder.proof(sessions.now, nonce=answer.headers["dpop-nonce"])
    assert granted(sessions.refresh(tokens["refresh_token"], "nonced", proof))["token_type"] == "DPoP"


def test_67_a_stale_nonce(sessions: RefreshChains) -> None:
    holder, code = Holder(), sessions.code("nonced")
    nonce = nonce_of(sessions.redeem(code, "nonced", holder.proof(NOW)))
    sessions.now += 120
    code = sessions.code("nonced")
    fresh = nonce_of(sessions.redeem(code, "nonced", holder.proof(sessions.now, nonce=nonce)))
    assert fresh != nonce
    granted(sessions.redeem(code, "nonced", holder.proof(sessions.now, nonce=fresh)))


@pytest.mark.parametrize("nonce", ["x", "", "é", "a.b.c", "\x00", "x" * 4000])
def test_67_a_forged_nonce(sessions: RefreshChains, nonce: str) -> None:
    holder, code = Holder(), sessions.code("nonced")
    good = nonce_of(sessions.redeem(code, "nonced", holder.proof(NOW, nonce=nonce)))
    kid, slot, mac = good.split(".")
    for forged in (f"{kid}.{int(slot) + 1}.{mac}", f"{kid}.{slot}.{mac[::-1]}", f"{kid}.{slot}."):
        nonce_of(sessions.redeem(code, "nonced", holder.proof(NOW, nonce=forged)))
    granted(sessions.redeem(code, "nonced", holder.proof(NOW, nonce=good)))


def test_67_a_client_that_need_not_may_still_send_one(sessions: RefreshChains) -> None:
    holder = Holder()
    good = nonce_of(send(sessions, holder.proof(NOW, nonce="stale")))
    granted(send(sessions, holder.proof(NOW, nonce=good)))
    assert "dpop-nonce" not in send(sessions, holder.proof(NOW)).headers


def test_67_a_nonce_does_not_make_a_proof_good_twice(sessions: RefreshChains) -> None:
    holder = Holder()
    good = nonce_of(send(sessions, holder.proof(NOW, nonce="stale")))
    proof = holder.proof(NOW, nonce=good)
    granted(send(sessions, proof))
    refused(send(sessions, proof), "invalid_dpop_proof")


def test_67_a_refused_nonce_spends_nothing(sessions: RefreshChains) -> None:
    holder, code = Holder(), sessions.code("nonced")
    nonce = nonce_of(sessions.redeem(code, "nonced", holder.proof(NOW, jti="same")))
    granted(sessions.redeem(code, "nonced", holder.proof(NOW, jti="same", nonce=nonce)))


def node(sessions: RefreshChains, directory: Path, same_keys: bool) -> RefreshChains:
    """Another node: the same configuration, its own memory."""
    other_keys()
    other = RefreshChains(directory)
    if same_keys:
        with other.store.lock():
            other.store.save(sessions.store.load())
        other.app = create_app(other.config, store=other.store, clock=lambda: other.now, write=other.lines.append)
    return other


def test_67_a_nonce_of_another_node_with_the_same_keys(sessions: RefreshChains, tmp_path: Path) -> None:
    other, holder = node(sessions, tmp_path, same_keys=True), Holder()
    nonce = nonce_of(send(other, holder.proof(NOW, nonce="x")))
    granted(send(sessions, holder.proof(NOW, nonce=nonce)))


def test_67_a_nonce_of_another_ring(sessions: RefreshChains, tmp_path: Path) -> None:
    other, holder = node(sessions, tmp_path, same_keys=False), Holder()
    nonce = nonce_of(send(other, holder.proof(NOW, nonce="x")))
    nonce_of(send(sessions, holder.proof(NOW, nonce=nonce)))


def test_the_metadata_names_what_is_taken(sessions: RefreshChains) -> None:
    document = sessions.get("/.well-known/oauth-authorization-server").json()
    assert "ES256" in document["dpop_signing_alg_values_supported"]
    assert not {"none", "HS256"}.intersection(document["dpop_signing_alg_values_supported"])
    assert sessions.seen(granted(send(sessions, Holder().proof(NOW)))["access_token"])["aud"] == API
