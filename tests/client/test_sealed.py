"""Tokens sealed to the verifier's own key."""

import base64
import json
from typing import Any

import pytest
from jwcrypto.jwk import JWK
from satchel_client.errors import InvalidToken
from satchel_client.jwe import read_own_keys
from satchel_client.verifier import Verifier

from tests.client.issuer import AUDIENCE, ISSUER, NOW, Issuer, b64, new_key, seal

OWN = {
    "P-256": JWK.generate(kty="EC", crv="P-256", kid="P-256"),
    "X25519": JWK.generate(kty="OKP", crv="X25519", kid="X25519"),
    "RSA": JWK.generate(kty="RSA", size=2048, kid="RSA"),
}
GIVEN = Issuer()
CHECKS = Verifier(
    ISSUER,
    AUDIENCE,
    jwks=GIVEN.jwks,
    clock=lambda: NOW,
    own_keys=read_own_keys(key.export(as_dict=True) for key in OWN.values()),
)


def reason(token: str) -> str:
    with pytest.raises(InvalidToken, match="not valid") as refused:
        CHECKS.verify(token)
    return refused.value.reason


@pytest.mark.parametrize("kind", OWN)
def test_a_sealed_token_is_opened(kind: str) -> None:
    sealed = seal(GIVEN.token(), OWN[kind])
    token = CHECKS.verify(sealed)
    assert token.subject == "alice"
    assert CHECKS.verify(sealed) is token


def test_party_information_of_other_servers() -> None:
    sealed = seal(GIVEN.token(), OWN["P-256"], apu=b64(b"Alice"), apv=b64(b"Bob"))
    assert CHECKS.verify(sealed).subject == "alice"


def test_sealed_to_somebody_else() -> None:
    stranger = JWK.generate(kty="EC", crv="P-256", kid="stranger")
    assert reason(seal(GIVEN.token(), stranger)) == "not a signed token, and no introspection is configured"
    impostor = JWK.generate(kty="EC", crv="P-256", kid="P-256")
    assert reason(seal(GIVEN.token(), impostor)) == "does not open"


def test_what_is_inside_is_checked_as_if_it_had_come_bare() -> None:
    assert reason(seal(GIVEN.token(header={"typ": "JWT"}), OWN["P-256"])) == "wrong typ"
    assert reason(seal(GIVEN.token(new_key("one")), OWN["P-256"])) == "bad signature"
    assert reason(seal('{"sub": "alice"}', OWN["P-256"])) == "token has not three segments"
    assert reason(seal(seal(GIVEN.token(), OWN["RSA"]), OWN["P-256"])) == "token has not three segments"


@pytest.mark.parametrize("kind", OWN)
def test_every_segment_is_authenticated(kind: str) -> None:
    segments = seal(GIVEN.token(), OWN[kind]).split(".")
    for at in range(1, 5):
        damaged = segments.copy()
        damaged[at] = ("A" if segments[at][0] != "A" else "B") + segments[at][1:]
        assert reason(".".join(damaged)) == "does not open"
        for text in ("", segments[at] + "AAAA", segments[at][:-4]):
            assert reason(".".join([*segments[:at], text, *segments[at + 1 :]]))


def test_a_failure_of_rsa_looks_like_a_failure_of_the_content() -> None:
    head, _, *others = seal(GIVEN.token(), OWN["RSA"]).split(".")
    public = OWN["RSA"].get_op_key("encrypt")
    assert reason(".".join([head, b64(bytes(256)), *others])) == "does not open"
    assert reason(".".join([head, b64(b"\xff" * 256), *others])) == "does not open"
    assert public.key_size == 2048


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "RSA-OAEP-256"},
        {"alg": "ECDH-ES"},
        {"alg": "dir"},
        {"alg": "PBES2-HS256+A128KW", "p2c": 2**31, "p2s": "AAAA"},
        {"alg": []},
        {"enc": "A128GCM"},
        {"enc": {}},
        {"zip": "DEF"},
        {"crit": ["exp"]},
        {"cty": "json"},
        {"cty": None},
        {"epk": None},
        {"epk": {"kty": "EC", "crv": "P-256", "x": b64(bytes(32)), "y": b64(bytes(32))}},
        {"epk": {"kty": "OKP", "crv": "X25519", "x": b64(bytes(32))}},
        {"epk": {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}},
        {"epk": OWN["P-256"].export(as_dict=True)},
        {"apu": "é"},
        {"apv": 7},
        {"kid": {}},
        {"pad": "x" * 5_000},
    ],
)
def test_headers_that_are_refused(change: dict[str, Any]) -> None:
    head, *others = seal(GIVEN.token(), OWN["P-256"]).split(".")
    full = json.loads(_decode(head)) | change
    changed = {name: value for name, value in full.items() if value is not None}
    why = reason(".".join([b64(json.dumps(changed).encode()), *others]))
    assert why not in ("", "does not open")


def test_a_point_of_low_order() -> None:
    head, *others = seal(GIVEN.token(), OWN["X25519"]).split(".")
    low = {"kty": "OKP", "crv": "X25519", "x": b64(bytes(32))}
    changed = json.loads(_decode(head)) | {"epk": low}
    assert reason(".".join([b64(json.dumps(changed).encode()), *others])) == "a point of low order"


def _decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "==")


def test_keys_that_open_nothing() -> None:
    good = OWN["P-256"].export(as_dict=True)
    for jwk in (
        {**good, "kid": None},
        {**good, "y": good["x"]},
        {**good, "d": good["x"] + "A"},
        OWN["P-256"].export_public(as_dict=True),
        JWK.generate(kty="EC", crv="P-384", kid="x").export(as_dict=True),
        JWK.generate(kty="oct", size=256, kid="x").export(as_dict=True),
    ):
        with pytest.raises(ValueError, match="key") as refused:
            read_own_keys([jwk])
        assert good["d"] not in str(refused.value)
    with pytest.raises(ValueError, match="a kid of its own"):
        read_own_keys([good, good])
    own = read_own_keys([good])
    assert good["d"] not in repr(own)
    assert "P-256" in repr(own)
