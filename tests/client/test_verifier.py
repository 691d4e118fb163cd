"""What a verifier takes, and what it refuses."""

import asyncio
import base64
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from satchel_client.errors import ClientError, InsufficientAuthentication, InsufficientScope, InvalidToken
from satchel_client.requirement import Requirement
from satchel_client.verifier import AsyncVerifier, Verifier

from tests.client.issuer import AUDIENCE, ISSUER, NOW, Issuer, b64, claims, new_key, sign

KEY = new_key("one")
RSA = new_key("rsa", "RS256")
GIVEN = Issuer(KEY, RSA)
HEAD = GIVEN.token().split(".")[0]


def verifier(issuer: Issuer = GIVEN, **settings: Any) -> Verifier:
    return Verifier(ISSUER, AUDIENCE, **({"jwks": issuer.jwks, "clock": lambda: issuer.now} | settings))


def reason(token: str, **settings: Any) -> str:
    """Why a token is refused, for the log; the description says nothing of it."""
    with pytest.raises(InvalidToken) as refused:
        verifier(**settings).verify(token)
    assert refused.value.error == "invalid_token"
    assert refused.value.description in ("the access token is not valid", "the access token has expired")
    return refused.value.reason


def test_what_a_good_token_says() -> None:
    token = verifier().verify(GIVEN.token(acr="urn:mfa", auth_time=5, aud=["https://other.example.com", AUDIENCE]))
    assert (token.subject, token.client_id, token.scopes) == ("alice", "123456789", {"read", "write"})
    assert (token.acr, token.auth_time, token.expires) == ("urn:mfa", 5, NOW + 600)
    token.claims["sub"] = "mallory"
    assert token.claims["sub"] == "alice"
    assert "alice" not in repr(token)


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "EdDSA", "RS256", "PS256"])
def test_every_algorithm(alg: str) -> None:
    issuer = Issuer(new_key("k", alg))
    token = issuer.token()
    assert verifier(issuer).verify(token).subject == "alice"
    head, body, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    another = base64.urlsafe_b64decode(issuer.token().split(".")[2] + "==")
    for forged in (another, raw[:-1], raw + b"\0", b"\0" + raw, b"", bytes(len(raw)), b"\xff" * len(raw)):
        assert reason(f"{head}.{body}.{b64(forged)}", jwks=issuer.jwks) == "bad signature"


def test_the_async_verifier_takes_and_refuses_the_same() -> None:
    checks = AsyncVerifier(ISSUER, AUDIENCE, jwks=GIVEN.jwks, clock=lambda: NOW)
    assert asyncio.run(checks.verify(GIVEN.token())).subject == "alice"
    with pytest.raises(InvalidToken):
        asyncio.run(checks.verify(GIVEN.token(iss="https://other.example.com")))


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "AT+JWT"])
def test_the_type_in_each_of_its_spellings(typ: str) -> None:
    assert verifier().verify(GIVEN.token(header={"typ": typ})).subject == "alice"


@pytest.mark.parametrize("typ", [None, "JWT", "dpop+jwt", "logout+jwt", "at+jwt2", ""])
def test_another_type(typ: str | None) -> None:
    assert reason(GIVEN.token(header={"typ": typ})) == "wrong typ"


def test_servers_from_before_the_profile() -> None:
    old = verifier(rfc9068=False)
    bare = {"sub": None, "client_id": None, "iat": None, "jti": None}
    for typ in ("JWT", None, "at+jwt"):
        assert old.verify(GIVEN.token(header={"typ": typ}, **bare)).audience == (AUDIENCE,)
    assert reason(GIVEN.token(header={"typ": "logout+jwt"}), rfc9068=False) == "wrong typ"
    for name in ("iss", "aud", "exp"):
        assert reason(GIVEN.token(**{name: None}), rfc9068=False) == "a claim is missing"


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "client_id", "exp", "iat", "jti"])
def test_a_required_claim_is_missing(name: str) -> None:
    assert reason(GIVEN.token(**{name: None})) == "a claim is missing"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": ISSUER + "/"}, "iss is another issuer"),
        ({"iss": "https://as.example.com.evil.example"}, "iss is another issuer"),
        ({"aud": "https://other.example.com"}, "aud is another audience"),
        ({"aud": AUDIENCE + "/"}, "aud is another audience"),
        ({"aud": []}, "aud is another audience"),
        ({"aud": [[AUDIENCE]]}, "$.aud"),
        ({"aud": {AUDIENCE: 1}}, "$.aud"),
        ({"exp": NOW - 30}, "expired"),
        ({"exp": 0}, "expired"),
        ({"exp": True}, "$.exp"),
        ({"exp": str(NOW + 600)}, "$.exp"),
        ({"exp": 10**19}, "$.exp"),
        ({"exp": 10**23}, "JSON number out of range"),
        ({"nbf": {}}, "$.nbf"),
        ({"nbf": NOW + 31}, "not yet valid"),
        ({"iat": NOW + 31}, "not yet valid"),
        ({"sub": 7}, "$.sub"),
        ({"scope": ["read"]}, "$.scope"),
        ({"cnf": {}}, "cnf has a member that cannot be checked"),
        ({"cnf": {"kid": "x"}}, "cnf has a member that cannot be checked"),
        ({"cnf": {"jkt": "x", "jwk": {}}}, "$.cnf"),
        ({"cnf": "x"}, "$.cnf"),
        ({"cnf": {"jkt": ""}}, "cannot be checked"),
        ({"cnf": {"x5t#S256": 7}}, "$.cnf"),
    ],
)
def test_claims_that_are_refused(changes: dict[str, Any], why: str) -> None:
    assert why in reason(GIVEN.token(**changes))


def test_clocks_may_be_apart_by_the_leeway() -> None:
    for changes in ({"exp": NOW - 29}, {"nbf": NOW + 29}, {"iat": NOW + 29}):
        assert verifier().verify(GIVEN.token(**changes)).subject == "alice"


def test_only_an_expired_token_is_told_why() -> None:
    with pytest.raises(InvalidToken, match="has expired"):
        verifier().verify(GIVEN.token(exp=NOW - 31))
    with pytest.raises(InvalidToken, match="not valid"):
        verifier().verify(GIVEN.token(nbf=NOW + 31))


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"1",
        b"null",
        b"",
        b"\xef\xbb\xbf{}",
        b'{"exp": NaN}',
        b'{"exp": 1e400}',
        b'{"a": "\\ud800"}',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 2}}',
        b"[" * 100_000,
        b'{"a":' * 5_000,
        "{}".encode("utf-16"),
    ],
)
def test_payloads_that_are_no_claims(payload: bytes) -> None:
    token = sign(KEY, {"typ": "at+jwt", "alg": "ES256", "kid": "one"}, payload)
    assert reason(token)


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "HS256"},
        {"alg": "ES384"},
        {"alg": "RS256"},
        {"alg": []},
        {"alg": None},
        {"kid": "../one"},
        {"kid": 'one" or "1"="1'},
        {"kid": "\x00"},
        {"kid": "x" * 10_000},
        {"kid": {}},
        {"kid": "two"},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": "b64"},
        {"b64": False},
        {"zip": "DEF"},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/x"},
        {"x5c": ["AAAA"]},
        {"jwk": KEY.export_public(as_dict=True)},
        {"typ": 7},
    ],
)
def test_headers_that_are_refused(change: dict[str, Any]) -> None:
    """The signature is good for the very header, by the right key: it is the header that must be refused."""
    header = {"typ": "at+jwt", "alg": "ES256", "kid": "one"}
    assert verifier().verify(sign(KEY, header, claims())).subject == "alice"
    assert reason(sign(KEY, header | change, claims())) != "bad signature"


def test_an_hmac_keyed_with_the_public_key() -> None:
    for secret in (RSA.export_to_pem(), RSA.export_public().encode(), KEY.export_to_pem()):
        signing_input = (
            f"{b64(json.dumps({'typ': 'at+jwt', 'alg': 'HS256'}).encode())}.{b64(json.dumps(claims()).encode())}"
        )
        forged = f"{signing_input}.{b64(hmac.digest(secret, signing_input.encode(), 'sha256'))}"
        assert reason(forged) == "unknown alg"


def test_an_algorithm_that_is_not_wanted() -> None:
    assert reason(GIVEN.token(RSA), algorithms=["ES256"]) == "alg is not allowed, or the header has a key"
    with pytest.raises(ValueError, match="HS256"):
        verifier(algorithms=["HS256"])


def test_keys_are_never_tried_in_turn() -> None:
    two = Issuer(new_key("one"), new_key("two"))
    assert reason(two.token(header={"kid": None}), jwks=two.jwks) == "no kid, and several keys are for alg"
    assert reason(two.token(header={"kid": "two"}), jwks=two.jwks) == "bad signature"
    lone = Issuer(new_key(None))
    assert verifier(lone).verify(lone.token()).subject == "alice"


def test_second_spellings_of_a_token() -> None:
    token = GIVEN.token()
    assert verifier().verify(token).subject == "alice"
    head, body, signature = token.split(".")
    low_bits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = signature[:-1] + low_bits[low_bits.index(signature[-1]) ^ 1]
    others = [
        f"{head}.{body}.{other}",
        token + "=",
        token + "\n",
        " " + token,
        token.replace(".", ". ", 1),
        token + ".",
    ]
    for spelling in [*others, token + ".x", "." * 1_000, ".." + token, "", "..", token + "\ud800", "é" + token]:
        assert reason(spelling)


def test_a_token_of_a_sane_size() -> None:
    assert verifier().verify(GIVEN.token(pad="x" * 8_000)).subject == "alice"
    assert reason(GIVEN.token(pad="x" * 20_000)) == "token is too long, or not ASCII"


@given(st.binary(max_size=200), st.binary(max_size=200), st.text(max_size=100))
def test_garbage_meets_one_error(head: bytes, body: bytes, rest: str) -> None:
    checks = verifier()
    for token in (rest, f"{b64(head)}.{b64(body)}.{rest}", f"{HEAD}.{b64(body)}.{b64(head)}"):
        with pytest.raises(InvalidToken):
            checks.verify(token)


def test_scopes_that_are_required() -> None:
    checks = verifier()
    token = GIVEN.token()
    assert checks.verify(token, Requirement("write read")).subject == "alice"
    with pytest.raises(InsufficientScope) as refused:
        checks.verify(token, Requirement("read admin"))
    assert refused.value.scope == "read admin"
    with pytest.raises(InsufficientScope):
        checks.verify(GIVEN.token(scope=None), Requirement("read"))
    with pytest.raises(InsufficientScope):
        checks.verify(GIVEN.token(scope="reader"), Requirement("read"))


@pytest.mark.parametrize(
    ("said", "asked", "reaches"),
    [
        ({"acr": "gold"}, Requirement(acr=("gold", "silver")), True),
        ({"acr": "bronze"}, Requirement(acr=("gold", "silver")), False),
        ({}, Requirement(acr=("gold",)), False),
        ({"auth_time": NOW - 300}, Requirement(max_age=300), True),
        ({"auth_time": NOW - 301}, Requirement(max_age=300), False),
        ({}, Requirement(max_age=300), False),
        ({"auth_time": NOW, "acr": "gold"}, Requirement(acr=("gold",), max_age=0), True),
    ],
)
def test_logins_that_are_required(said: dict[str, Any], asked: Requirement, reaches: bool) -> None:
    if reaches:
        assert verifier().verify(GIVEN.token(**said), asked).subject == "alice"
    else:
        with pytest.raises(InsufficientAuthentication) as refused:
            verifier().verify(GIVEN.token(**said), asked)
        assert (refused.value.acr, refused.value.max_age) == (asked.acr, asked.max_age)


@pytest.mark.parametrize("scope", ['a"b', "a\\b", "a\nb", "a  b", " a", "é"])
def test_a_requirement_that_no_challenge_can_carry(scope: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII"):
        Requirement(scope)


def test_a_repeated_token_is_remembered_until_it_expires() -> None:
    issuer = Issuer()
    checks = verifier(issuer)
    token = issuer.token()
    assert checks.verify(token) is checks.verify(token)
    with pytest.raises(InsufficientScope):
        checks.verify(token, Requirement("admin"))
    issuer.now += 630
    with pytest.raises(InvalidToken, match="expired"):
        checks.verify(token)


def test_what_is_remembered_is_bounded() -> None:
    checks = verifier(cache_capacity=3)
    kept = checks._jwks.current.verified  # type: ignore[union-attr]
    tokens = [GIVEN.token() for _ in range(5)]
    answers = [checks.verify(token) for token in tokens]
    assert len(kept) == 3
    assert checks.verify(tokens[4]) is answers[4]
    assert checks.verify(tokens[0]) is not answers[0]
    nothing = verifier(cache_capacity=0)
    assert nothing.verify(tokens[0]) is not nothing.verify(tokens[0])
    for token in tokens:
        with pytest.raises(ClientError):
            checks.verify(token[:-4] + "AAAA")
    assert len(kept) == 3


def test_arguments_that_make_no_sense() -> None:
    for issuer, audience in ((ISSUER, ""), (ISSUER, []), ("", AUDIENCE), (ISSUER, [AUDIENCE, ""])):
        with pytest.raises(ValueError, match="issuer and audience"):
            Verifier(issuer, audience, jwks=GIVEN.jwks)
    for more in ({"jwks": {}}, {"jwks": b"x"}, {"jwks_uri": "http://as.example.com/jwks"}):
        with pytest.raises(ValueError, match="keys"):
            Verifier(ISSUER, AUDIENCE, **more)
    with pytest.raises(ValueError, match="https"):
        Verifier("http://as.example.com", AUDIENCE)
    assert Verifier("http://as.example.com", AUDIENCE, insecure=True).issuer == "http://as.example.com"
