"""RFC 7636: its own vectors (appendices A and B), and the requests of section 4."""

from hashlib import sha256
from pathlib import Path

import pytest

from satchel_jose.base64url import encode
from service.protocol.pkce import challenge_octets, check_verifier
from tests.worlds.http import granted, refused
from tests.worlds.refresh_chains import RefreshChains

OCTETS = bytes.fromhex("7418dfb49799e0254ffa607dd8adbbba16d4254d69d6bff05b58055853848d79")
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
def sessions(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path)


def test_appendix_a() -> None:
    assert encode(bytes([3, 236, 255, 224, 193])) == b"A-z_4ME"


def test_appendix_b() -> None:
    assert encode(OCTETS).decode() == VERIFIER
    octets = challenge_octets(CHALLENGE, "S256")
    assert octets == sha256(VERIFIER.encode()).digest()
    assert octets[:4] == bytes([19, 211, 30, 150])
    check_verifier(octets, VERIFIER)


def test_section_4_5_the_verifier_goes_to_the_token_endpoint(sessions: RefreshChains) -> None:
    code = sessions.code("spa", challenge=challenge_octets(CHALLENGE, "S256"))
    granted(sessions.redeem(code, "spa", code_verifier=VERIFIER))


def test_section_4_6_invalid_grant_if_they_are_not_equal(sessions: RefreshChains) -> None:
    code = sessions.code("spa", challenge=challenge_octets(CHALLENGE, "S256"))
    for verifier in (VERIFIER.swapcase(), VERIFIER + "-", CHALLENGE):
        refused(sessions.redeem(code, "spa", code_verifier=verifier), "invalid_grant")


def test_section_4_1_the_alphabet_of_a_verifier(sessions: RefreshChains) -> None:
    verifier = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    code = sessions.code("spa", challenge=sha256(verifier.encode()).digest())
    granted(sessions.redeem(code, "spa", code_verifier=verifier))
