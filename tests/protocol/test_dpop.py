"""DPoP proofs (RFC 9449 section 4.3), each rule by itself."""

from typing import Any

import pytest

from satchel_jose.algorithms import ALGORITHMS
from service.protocol.dpop import ALGS, MAX_AGE, SKEW, check_proof
from service.protocol.errors import OAuthError
from tests.worlds.dpop import Holder

NOW = 1_800_000_000
URL = "https://as.example.com/token"
HOLDER = Holder()


def refused(proof: str, method: str = "POST", url: str = URL, now: float = NOW) -> str:
    with pytest.raises(OAuthError) as caught:
        check_proof(proof, method, url, now)
    assert (caught.value.code, caught.value.description) == (
        "invalid_dpop_proof",
        "the DPoP proof is invalid, expired, or was used before",
    )
    return caught.value.reason


@pytest.mark.parametrize("alg", sorted(ALGS))
def test_every_algorithm_that_the_metadata_names(alg: str) -> None:
    kind = ALGORITHMS[alg].kind.fixed
    holder = Holder(**kind, **({"size": 2048} if kind["kty"] == "RSA" else {}))
    proof = check_proof(holder.proof(NOW, URL, alg), "POST", URL, NOW)
    assert (proof.jkt, proof.nonce) == (holder.jkt, None)


def test_a_key_with_a_kid_and_a_use() -> None:
    public = {**HOLDER.key.export_public(as_dict=True), "kid": "mine", "use": "sig", "alg": "ES256"}
    assert check_proof(HOLDER.proof(NOW, URL, header={"jwk": public}), "POST", URL, NOW).jkt == HOLDER.jkt


# --- htm and htu (attack 65)


@pytest.mark.parametrize("htm", ["GET", "post", "Post", "", " POST", None, 1, ["POST"], {"POST": 1}, True])
def test_htm_is_the_method(htm: Any) -> None:
    assert refused(HOLDER.proof(NOW, URL, htm=htm)) == "htm is not the method of the request"


@pytest.mark.parametrize(
    "htu",
    [
        URL,
        "HTTPS://as.example.com/token",
        "https://AS.Example.COM/token",
        "https://as.example.com:443/token",
        URL + "?a=b",
        URL + "#f",
        URL + "?",
    ],
)
def test_htu_of_the_same_target(htu: str) -> None:
    """Section 4.3, 9: without query and fragment; RFC 3986 section 6.2.2 and 6.2.3 level scheme, host and port."""
    assert check_proof(HOLDER.proof(NOW, URL, htu=htu), "POST", URL, NOW).jkt == HOLDER.jkt


@pytest.mark.parametrize(
    "htu",
    [
        "http://as.example.com/token",
        "https://as.example.com/TOKEN",
        "https://as.example.com/token/",
        "https://as.example.com//token",
        "https://as.example.com/token;x",
        "https://as.example.com/x/../token",
        "https://as.example.com/%74oken",
        "https://as.example.com:444/token",
        "https://as.example.com:80/token",
        "https://as.example.com:x/token",
        "https://as.example.com:99999/token",
        "https://as.example.com:0/token",
        "https://as.example.com./token",
        "https://user@as.example.com/token",
        "https://@as.example.com/token",
        "https://as.example.com@evil.example.com/token",
        "https://evil.example.com/token",
        "https://evil.example.com/?https://as.example.com/token",
        "https://as.example.com",
        "//as.example.com/token",
        "/token",
        "token",
        "",
        "https://[::1/token",
        "https://as.example.com\\token",
        "\thttps://as.example.com/token",
        "https://as.example.com/to\nken",
        " https://as.example.com/token",
        "https://as.example.com/token ",
        "https://ａs.example.com/token",
    ],
)
def test_htu_of_another_target(htu: str) -> None:
    refused(HOLDER.proof(NOW, URL, htu=htu))


@pytest.mark.parametrize("htu", [None, 1, True, [URL], {"url": URL}, 1.5])
def test_htu_that_is_no_string(htu: Any) -> None:
    assert refused(HOLDER.proof(NOW, URL, htu=htu)) == "htu is not the URL of the endpoint"


def test_the_port_of_the_url_counts() -> None:
    url = "http://127.0.0.1:8000/token"
    assert check_proof(HOLDER.proof(NOW, url), "POST", url, NOW).jkt
    refused(HOLDER.proof(NOW, "http://127.0.0.1/token"), url=url)
    refused(HOLDER.proof(NOW, "http://127.0.0.1:8001/token"), url=url)
    assert check_proof(HOLDER.proof(NOW, "http://[::1]:8000/a"), "POST", "http://[::1]:8000/a", NOW).jkt


# --- iat (attack 65)


@pytest.mark.parametrize("age", [0, MAX_AGE, MAX_AGE + SKEW, -SKEW, 0.5])
def test_iat_within_the_window(age: float) -> None:
    assert check_proof(HOLDER.proof(NOW, URL, iat=NOW - age), "POST", URL, NOW).jkt


@pytest.mark.parametrize("age", [MAX_AGE + SKEW + 0.1, -SKEW - 0.1, 10**6, -(10**6), NOW])
def test_iat_outside_the_window(age: float) -> None:
    refused(HOLDER.proof(NOW, URL, iat=NOW - age))


@pytest.mark.parametrize("iat", [None, "1800000000", True, [NOW], 1e300, -1])
def test_iat_that_is_no_instant(iat: Any) -> None:
    refused(HOLDER.proof(NOW, URL, iat=iat))


def test_an_exp_that_is_over_is_heeded() -> None:
    refused(HOLDER.proof(NOW, URL, exp=NOW - SKEW))


def test_the_record_of_a_jti_outlives_the_proof() -> None:
    for iat in (NOW - MAX_AGE - SKEW, NOW - 0.5, NOW, NOW + SKEW):
        proof = HOLDER.proof(NOW, URL, iat=iat)
        until = check_proof(proof, "POST", URL, NOW).one_time_id.until
        last = iat + MAX_AGE + SKEW
        assert check_proof(proof, "POST", URL, last).jkt
        refused(proof, now=last + 0.001)
        assert until >= last


# --- jti and nonce


@pytest.mark.parametrize("jti", [None, "", "x" * 257, 1, ["x"], True, {}])
def test_a_jti_that_cannot_be(jti: Any) -> None:
    refused(HOLDER.proof(NOW, URL, jti=jti))


def test_a_jti_is_its_keys_own() -> None:
    one, two = Holder(), Holder()
    ids = [
        check_proof(h.proof(NOW, URL, jti=jti), "POST", URL, NOW).one_time_id.id
        for h in (one, two)
        for jti in ("a", "b")
    ]
    assert len(set(ids)) == 4
    assert check_proof(one.proof(NOW - 1, URL, jti="a"), "POST", URL, NOW).one_time_id.id == ids[0]


@pytest.mark.parametrize("nonce", [1, True, ["n"], {}])
def test_a_nonce_that_is_no_string(nonce: Any) -> None:
    assert refused(HOLDER.proof(NOW, URL, nonce=nonce)) == "nonce is not a string"


def test_a_nonce_is_handed_on() -> None:
    assert check_proof(HOLDER.proof(NOW, URL, nonce="n"), "POST", URL, NOW).nonce == "n"


# --- the header


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "DPOP+JWT"},
        {"typ": "application/dpop+jwt"},
        {"typ": None},
        {"kid": 1},
        {"crit": ["x"], "x": 1},
        {"b64": True},
        {"jku": "https://evil.example.com/keys"},
        {"x5c": ["AA=="]},
    ],
    ids=str,
)
def test_a_header_that_cannot_be(header: dict[str, Any]) -> None:
    refused(HOLDER.proof(NOW, URL, header=header))


def test_the_key_in_the_header_must_be_the_one_that_signs() -> None:
    other = Holder().key.export_public(as_dict=True)
    assert refused(HOLDER.proof(NOW, URL, header={"jwk": other})) == "bad signature"


def test_private_and_symmetric_keys() -> None:
    refused(HOLDER.proof(NOW, URL, header={"jwk": HOLDER.key.export(as_dict=True)}))
    secret = Holder(kty="oct", size=256)
    refused(secret.proof(NOW, URL, "HS256", header={"jwk": secret.key.export(as_dict=True)}))


@pytest.mark.parametrize("proof", ["", ".", "..", "a.b.c", "é", "x" * 10_000, "Bearer x"])
def test_garbage(proof: str) -> None:
    refused(proof)


def test_two_proofs_in_one_header() -> None:
    one, two = HOLDER.proof(NOW, URL), HOLDER.proof(NOW, URL)
    for joined in (f"{one}, {two}", f"{one} {two}", one + two, f"{one},"):
        refused(joined)
