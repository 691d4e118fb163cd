"""Tokens that are bound: to a key that the sender proves (DPoP), or to its certificate."""

import asyncio
import base64
import datetime
import ssl
import threading
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from satchel_client.certificate import read_certificate_header, thumbprint
from satchel_client.dpop import ReplayWindow
from satchel_client.errors import InsufficientScope, InvalidToken, Undecided
from satchel_client.presented import Presented
from satchel_client.requirement import Requirement
from satchel_client.verifier import AsyncVerifier, Verifier

from tests.client.issuer import AUDIENCE, ISSUER, NOW, Issuer, Prover, b64, new_key

GIVEN = Issuer()
PROVER = Prover()
URL = "https://api.example.com/rooms/7"
BOUND = GIVEN.token(cnf={"jkt": PROVER.jkt})


def verifier(**settings: Any) -> Verifier:
    return Verifier(ISSUER, AUDIENCE, jwks=GIVEN.jwks, **({"clock": lambda: NOW} | settings))


def with_proof(*proofs: str, token: str = BOUND, method: str = "GET", url: str = URL) -> Presented:
    return Presented(token, "dpop", proofs, method, url)


def error(presented: Presented, checks: Verifier | None = None) -> tuple[str, str]:
    with pytest.raises(InvalidToken) as refused:
        (checks or verifier()).verify(presented)
    return refused.value.error, refused.value.reason


@pytest.mark.parametrize("alg", ["ES256", "ES384", "EdDSA", "RS256", "PS256"])
def test_a_bound_token_with_its_proof(alg: str) -> None:
    prover = Prover(alg)
    token = GIVEN.token(cnf={"jkt": prover.jkt})
    assert verifier().verify(with_proof(prover.proof("GET", URL, token), token=token)).jkt == prover.jkt


@pytest.mark.parametrize(
    "htu",
    [
        "HTTPS://API.example.com:443/rooms/7",
        "https://api.example.com/rooms/%37",
        "https://api.example.com/rooms/7?x=1",
        "https://api.example.com/rooms/7#x",
    ],
)
def test_spellings_of_one_url(htu: str) -> None:
    assert verifier().verify(with_proof(PROVER.proof("GET", htu, BOUND))).subject == "alice"


def test_a_bound_token_is_no_bearer_token() -> None:
    assert error(Presented(BOUND))[0] == "invalid_token"
    with pytest.raises(InvalidToken):
        verifier().verify(BOUND)


def test_a_bearer_token_does_not_come_with_a_proof() -> None:
    free = GIVEN.token()
    assert error(with_proof(PROVER.proof("GET", URL, free), token=free))[0] == "invalid_token"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"htm": "POST"}, "htm is not the method of the request"),
        ({"htm": "get"}, "htm is not the method of the request"),
        ({"htm": None}, "htm is not the method of the request"),
        ({"htu": "https://api.example.com/rooms/8"}, "htu is not the URL of the request"),
        ({"htu": "https://api.example.com/rooms/7/"}, "htu is not the URL of the request"),
        ({"htu": "https://api.example.com/ROOMS/7"}, "htu is not the URL of the request"),
        ({"htu": "http://api.example.com/rooms/7"}, "htu is not the URL of the request"),
        ({"htu": "https://api.example.com:8443/rooms/7"}, "htu is not the URL of the request"),
        ({"htu": "https://api.example.com.evil.example/rooms/7"}, "htu is not the URL of the request"),
        ({"htu": "https://x@api.example.com/rooms/7"}, "htu is not a URL"),
        ({"htu": "https://api.example.com/rooms/\t7"}, "htu is not a URL"),
        ({"htu": "https://[api/rooms/7"}, "htu is not a URL"),
        ({"htu": 7}, "htu is not the URL of the request"),
        ({"htu": None}, "htu is not the URL of the request"),
        ({"ath": None}, "ath is not the hash of the access token"),
        ({"ath": b64(bytes(32))}, "ath is not the hash of the access token"),
        ({"jti": None}, "jti is missing or too long"),
        ({"jti": ""}, "jti is missing or too long"),
        ({"jti": "x" * 300}, "jti is missing or too long"),
        ({"jti": 7}, "jti is missing or too long"),
        ({"iat": None}, "iat is missing, too old or in the future"),
        ({"iat": "now"}, "iat is missing, too old or in the future"),
        ({"iat": True}, "iat is missing, too old or in the future"),
        ({"iat": NOW - 91}, "iat is missing, too old or in the future"),
        ({"iat": NOW + 31}, "iat is missing, too old or in the future"),
        ({"header": {"typ": "JWT"}}, "wrong typ"),
        ({"header": {"typ": None}}, "wrong typ"),
        ({"header": {"jwk": None}}, "the proof has no public key"),
        ({"header": {"jwk": {"kty": "oct", "k": "AAAA"}}}, "private or symmetric key material"),
        ({"header": {"jwk": PROVER.key.export(as_dict=True)}}, "private or symmetric key material"),
        ({"header": {"jwk": Prover().jwk}}, "bad signature"),
        ({"header": {"jwk": Prover("RS256").jwk}}, "alg does not fit the key"),
        ({"header": {"crit": ["exp"]}}, "header has a refused member"),
        ({"header": {"jku": "https://evil.example"}}, "header has a refused member"),
    ],
)
def test_proofs_that_are_refused(changes: dict[str, Any], why: str) -> None:
    assert error(with_proof(PROVER.proof("GET", URL, BOUND, **changes))) == ("invalid_dpop_proof", why)


def test_exactly_one_proof() -> None:
    proof = PROVER.proof("GET", URL, BOUND)
    for proofs in ((), (proof, proof), (proof + "," + proof,), ("",), ("é",), ("x" * 10_000,), ("a.b.c",)):
        assert error(with_proof(*proofs))[0] == "invalid_dpop_proof"


def test_where_the_request_went_must_be_known() -> None:
    assert error(with_proof(PROVER.proof("GET", "", BOUND), url=""))[0] == "invalid_dpop_proof"


def test_another_clients_proof() -> None:
    assert error(with_proof(Prover().proof("GET", URL, BOUND))) == (
        "invalid_dpop_proof",
        "the proof is made with another key than the token's",
    )


def test_a_proof_is_good_once() -> None:
    checks = verifier()
    presented = with_proof(PROVER.proof("GET", URL, BOUND))
    assert checks.verify(presented).subject == "alice"
    assert error(presented, checks)[0] == "invalid_dpop_proof"
    again = with_proof(PROVER.proof("GET", URL, BOUND))
    assert checks.verify(again).subject == "alice"


def test_a_refused_request_spends_no_proof() -> None:
    checks = verifier()
    presented = with_proof(PROVER.proof("GET", URL, BOUND))
    with pytest.raises(InsufficientScope):
        checks.verify(presented, Requirement("admin"))
    assert checks.verify(presented).subject == "alice"


def test_a_proof_raced_for_has_one_winner() -> None:
    checks = verifier()
    checks.verify(with_proof(PROVER.proof("GET", URL, BOUND)))
    presented = with_proof(PROVER.proof("GET", URL, BOUND))
    won: list[bool] = []

    def race() -> None:
        try:
            checks.verify(presented)
        except InvalidToken:
            won.append(False)
        else:
            won.append(True)

    threads = [threading.Thread(target=race) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(won) == [False] * 15 + [True]


def test_the_replay_window_forgets_what_is_over_and_nothing_else() -> None:
    window = ReplayWindow()
    for step in range(0, 600, 7):
        now = NOW + step
        assert window.spend(str(step).encode(), now + 120, now)
        good = [old for old in range(0, step, 7) if step - old < 120]
        assert all(window.spend(str(old).encode(), 0, now) is False for old in good)
        assert window.spend(str(step).encode(), now + 120, now) is False
    assert len(window._seen) < 30


def test_a_full_window_takes_nothing_and_forgets_nothing() -> None:
    checks = verifier(replays=ReplayWindow(capacity=1))
    first = with_proof(PROVER.proof("GET", URL, BOUND))
    checks.verify(first)
    with pytest.raises(Undecided):
        checks.verify(with_proof(PROVER.proof("GET", URL, BOUND)))
    assert error(first, checks)[0] == "invalid_dpop_proof"


def test_a_shared_window_of_an_event_loop() -> None:
    class Shared:
        def __init__(self) -> None:
            self.seen: set[bytes] = set()

        async def spend(self, id: bytes, until: float, now: float) -> bool | None:
            await asyncio.sleep(0)
            assert now < until <= now + 120
            fresh = id not in self.seen
            self.seen.add(id)
            return fresh

    async def twice() -> None:
        shared = Shared()
        one, other = (
            AsyncVerifier(ISSUER, AUDIENCE, jwks=GIVEN.jwks, clock=lambda: NOW, replays=shared) for _ in range(2)
        )
        presented = with_proof(PROVER.proof("GET", URL, BOUND))
        assert (await one.verify(presented)).subject == "alice"
        with pytest.raises(InvalidToken, match="was used before"):
            await other.verify(presented)

    asyncio.run(twice())


def certificate() -> bytes:
    """A client certificate (DER)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "client")])
    today = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 7, today, today + datetime.timedelta(1))
    return built.sign(key, SHA256()).public_bytes(Encoding.DER)


def test_a_token_bound_to_a_certificate() -> None:
    mine, other = certificate(), certificate()
    token = GIVEN.token(cnf={"x5t#S256": thumbprint(mine)})
    assert verifier().verify(Presented(token, certificate=mine)).subject == "alice"
    for presented in (Presented(token, certificate=other), Presented(token)):
        assert error(presented) == ("invalid_token", "the token is bound to another certificate")
    assert verifier().verify(Presented(GIVEN.token(), certificate=mine)).subject == "alice"


def test_what_is_presented_is_not_shown() -> None:
    presented = with_proof(PROVER.proof("GET", URL, BOUND))
    assert BOUND[-20:] not in repr(presented)
    assert presented.proofs[0][-20:] not in repr(presented)


def test_a_token_bound_to_both() -> None:
    mine = certificate()
    token = GIVEN.token(cnf={"x5t#S256": thumbprint(mine), "jkt": PROVER.jkt})
    both = Presented(token, "dpop", (PROVER.proof("GET", URL, token),), "GET", URL, mine)
    assert verifier().verify(both).subject == "alice"
    assert error(both._replace(certificate=None)) == ("invalid_token", "the token is bound to another certificate")
    assert error(both._replace(scheme="bearer"))[0] == "invalid_token"
    assert error(both._replace(proofs=()))[0] == "invalid_dpop_proof"


def test_a_certificate_in_a_header_of_a_proxy() -> None:
    mine = certificate()
    pem = ssl.DER_cert_to_PEM_cert(mine)
    for value in (pem, quote(pem), f":{base64.b64encode(mine).decode()}:"):
        assert read_certificate_header(value) == mine
    for value in ("", "x", ":x:", ":é:", "é", pem[:-40], "-----BEGIN CERTIFICATE-----", "x" * 20_000):
        with pytest.raises(InvalidToken, match="invalid_request"):
            read_certificate_header(value)


def test_keys_of_the_issuer_are_not_those_of_proofs() -> None:
    forged = GIVEN.token(new_key("one"), cnf={"jkt": PROVER.jkt})
    assert error(with_proof(PROVER.proof("GET", URL, forged), token=forged)) == ("invalid_token", "bad signature")
