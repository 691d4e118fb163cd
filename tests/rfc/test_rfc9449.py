"""RFC 9449: the proof of its section 4.2, and the token endpoint of sections 5 to 8."""

from pathlib import Path

import jwt
import pytest

from service.protocol.dpop import check_proof
from service.protocol.errors import OAuthError
from tests.worlds.dpop import Holder
from tests.worlds.http import granted, refused
from tests.worlds.refresh_chains import RefreshChains
from tests.worlds.satchel import NOW

# Section 4.2, with the key whose thumbprint is in section 6.1.
PROOF = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJo"
    "RjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJq"
    "dGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0Ijox"
    "NTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)
IAT = 1562262616
URL = "https://server.example.com/token"
JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


@pytest.fixture
def sessions(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path)


def test_section_4_2_and_6_1() -> None:
    proof = check_proof(PROOF, "POST", URL, IAT)
    assert proof.jkt == JKT
    assert proof.nonce is None
    assert "-BwC3ESc6acc2lTc" in proof.one_time_id.id


@pytest.mark.parametrize(
    ("method", "url", "now"), [("GET", URL, IAT), ("POST", URL + "2", IAT), ("POST", URL, IAT + 3600)]
)
def test_section_4_3(method: str, url: str, now: int) -> None:
    with pytest.raises(OAuthError) as caught:
        check_proof(PROOF, method, url, now)
    assert caught.value.code == "invalid_dpop_proof"


def test_section_5_token_type(sessions: RefreshChains) -> None:
    tokens = sessions.begin("spa", Holder().proof(NOW))
    assert tokens["token_type"] == "DPoP"


def test_section_5_a_public_clients_refresh_token_is_bound(sessions: RefreshChains) -> None:
    holder = Holder()
    token = sessions.begin("spa", holder.proof(NOW))["refresh_token"]
    refused(sessions.refresh(token, "spa", Holder().proof(NOW)))
    granted(sessions.refresh(token, "spa", holder.proof(NOW)))


def test_section_5_a_public_client_may_bind_it_later(sessions: RefreshChains) -> None:
    holder, first = Holder(), sessions.begin("spa")["refresh_token"]
    second = granted(sessions.refresh(first, "spa", holder.proof(NOW)))
    assert second["token_type"] == "DPoP"
    refused(sessions.refresh(second["refresh_token"], "spa"))
    refused(sessions.refresh(second["refresh_token"], "spa", Holder().proof(NOW)))
    granted(sessions.refresh(second["refresh_token"], "spa", holder.proof(NOW)))


def test_section_5_a_confidential_clients_is_bound_to_the_client_alone(sessions: RefreshChains) -> None:
    first = sessions.begin("web")["refresh_token"]
    second = granted(sessions.refresh(first, "web", Holder().proof(NOW)))
    granted(sessions.refresh(second["refresh_token"], "web", Holder().proof(NOW)))
    granted(sessions.refresh(second["refresh_token"], "web"))


def test_section_5_2_a_client_that_must(sessions: RefreshChains) -> None:
    refused(sessions.redeem(sessions.code("wallet"), "wallet"), "invalid_dpop_proof")


def test_section_6_1_and_6_2_the_confirmation(sessions: RefreshChains) -> None:
    holder = Holder()
    token = sessions.begin("spa", holder.proof(NOW))["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["cnf"] == {"jkt": holder.jkt}
    seen = sessions.seen(token)
    assert (seen["token_type"], seen["cnf"]) == ("DPoP", {"jkt": holder.jkt})


def test_section_8_the_server_provides_a_nonce(sessions: RefreshChains) -> None:
    holder, code = Holder(), sessions.code("nonced")
    answer = sessions.redeem(code, "nonced", holder.proof(NOW))
    assert (answer.status, answer.json()["error"]) == (400, "use_dpop_nonce")
    assert answer.headers["cache-control"] == "no-store"
    nonce = answer.headers["dpop-nonce"]
    granted(sessions.redeem(code, "nonced", holder.proof(NOW, nonce=nonce)))


def test_section_8_1_the_syntax_of_a_nonce(sessions: RefreshChains) -> None:
    answer = sessions.redeem(sessions.code("nonced"), "nonced", Holder().proof(NOW))
    assert all(c == "!" or "#" <= c <= "[" or "]" <= c <= "~" for c in answer.headers["dpop-nonce"])


def test_section_8_2_a_new_nonce_with_a_success(sessions: RefreshChains) -> None:
    holder = Holder()
    first = sessions.redeem(sessions.code("nonced"), "nonced", holder.proof(NOW)).headers["dpop-nonce"]
    sessions.now += 60
    answer = sessions.redeem(sessions.code("nonced"), "nonced", holder.proof(sessions.now, nonce=first))
    granted(answer)
    assert answer.headers["dpop-nonce"] != first


def test_section_10_the_key_of_the_authorization_request(sessions: RefreshChains) -> None:
    holder = Holder()
    code = sessions.code("spa", dpop_jkt=holder.jkt)
    refused(sessions.redeem(code, "spa", Holder().proof(NOW)))
    granted(sessions.redeem(code, "spa", holder.proof(NOW)))


def test_section_11_1_a_proof_is_good_once(sessions: RefreshChains) -> None:
    proof = Holder().proof(NOW)
    granted(sessions.redeem(sessions.code(), dpop=proof))
    refused(sessions.redeem(sessions.code(), dpop=proof), "invalid_dpop_proof")


def test_section_5_1_the_metadata(sessions: RefreshChains) -> None:
    algs = sessions.get("/.well-known/oauth-authorization-server").json()["dpop_signing_alg_values_supported"]
    assert {"ES256", "EdDSA", "PS256"} <= set(algs)
