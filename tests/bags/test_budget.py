"""How long a bag may be: clients, browsers and proxies keep and carry it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from service.bags.ids import fresh_id
from service.bags.snapshot import MAX_CHARS
from tests.worlds.bags import GRANT, NOW, access_token, authorization_code, refresh_token, signing_key, snapshot

THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

# What people grant in earnest.
USUAL = {
    "a number for a subject": GRANT,
    "a UUID for a subject": replace(GRANT, sub="9f2d1a6e-5b7c-4e0a-8d3f-1c2b3a4d5e6f"),
    "an address for a subject": replace(GRANT, sub="alice.liddell@wonderland.example.com"),
    "one scope": replace(GRANT, scope="read"),
}
# What few do, and at once hardly anyone: each field costs four characters for three bytes.
RARE = {
    "bound to a DPoP key": {"cnf": {"jkt": THUMBPRINT}},
    "stepped up": {"amr": ("pwd", "otp"), "acr": "urn:mace:incommon:iap:silver"},
    "two resources": {"resources": ("https://api.example.com", "https://vault.example.com")},
}
EVERYTHING = replace(
    USUAL["a UUID for a subject"], **{name: value for rare in RARE.values() for name, value in rare.items()}
)


@pytest.fixture(scope="module")
def service():
    return snapshot()


def fresh(bag, grant):
    return replace(bag, jti=fresh_id(), grant=replace(grant, family=fresh_id()))


@pytest.mark.parametrize("grant", USUAL)
def test_a_code_has_at_most_600_characters(service, grant):
    assert len(service.seal(fresh(authorization_code(), USUAL[grant]), NOW)) <= 600
    assert len(service.seal(fresh(authorization_code(nonce=""), USUAL[grant]), NOW)) <= 584


@pytest.mark.parametrize("rare", RARE)
def test_what_is_rare_costs_a_code_at_most_70_characters(service, rare):
    usual = len(service.seal(fresh(authorization_code(), GRANT), NOW))
    assert len(service.seal(fresh(authorization_code(), replace(GRANT, **RARE[rare])), NOW)) <= usual + 70


@pytest.mark.parametrize("grant", USUAL)
def test_a_refresh_token_has_at_most_800_characters(service, grant):
    assert len(service.seal(fresh(refresh_token(), USUAL[grant]), NOW)) <= 600
    assert len(service.seal(fresh(refresh_token(), EVERYTHING), NOW)) <= 800


@pytest.mark.parametrize(
    "token",
    [
        access_token(),
        access_token(jti=f"{fresh_id()}.{fresh_id()}", sub="9f2d1a6e-5b7c-4e0a-8d3f-1c2b3a4d5e6f", auth_time=NOW),
        access_token(aud=("https://api.example.com", "https://vault.example.com"), scope="read write vault"),
        access_token(cnf={"jkt": THUMBPRINT}),
    ],
)
def test_a_signed_access_token_with_usual_claims_has_at_most_700_characters(service, token):
    assert len(service.sign(token, "ES256", NOW)) <= 700
    assert len(snapshot(signing_key("EdDSA")).sign(token, "EdDSA", NOW)) <= 700


def test_an_rsa_signature_costs_what_it_costs_and_no_more():
    plain = len(snapshot(signing_key("ES256")).sign(access_token(), "ES256", NOW))
    assert len(snapshot(signing_key("RS256")).sign(access_token(), "RS256", NOW)) == plain + 342 - 86


def test_a_url_with_a_code_has_at_most_2000_characters(service):
    code = service.seal(fresh(authorization_code(nonce="n" * 43), EVERYTHING), NOW)
    url = f"https://app.example.com/{'p' * 500}?code={code}&state={'s' * 600}&iss=https%3A%2F%2Fas.example.com"
    assert len(url) <= 2000


@settings(max_examples=30, deadline=None)
@given(st.text("abcdefghijklmnopqrstuvwxyz:/._ ", max_size=1500))
def test_whatever_is_granted_four_characters_carry_three_bytes(scope):
    service = snapshot()
    bag = refresh_token(grant=replace(GRANT, scope=scope))
    empty = refresh_token(grant=replace(GRANT, scope=""))
    grown = len(service.seal(bag, NOW)) - len(service.seal(empty, NOW))
    assert grown <= (len(scope) + 2) * 4 / 3 + 2
    assert len(service.seal(bag, NOW)) <= MAX_CHARS
