"""The JWKS shows public halves and nothing else."""

import json
from dataclasses import replace
from typing import Any

import jwt
import pytest

from keys import Policy, Ring, SealingKey, SigningKey, jwks, max_age, rotate
from keys.jwks import _shown

START = 1_800_000_000
POLICY = Policy(signing_algs=("ES256", "EdDSA", "RS256"))
RING = rotate(Ring(), POLICY, START)
BAG = next(key for key in RING.keys if isinstance(key, SealingKey))
SIGNING = next(key for key in RING.keys if isinstance(key, SigningKey))


def test_it_holds_active_and_standby_signing_keys() -> None:
    shown = jwks(RING, START)["keys"]
    assert len(shown) == 6
    assert {key["kid"] for key in shown} == {key.kid for key in RING.published(START)}
    assert {member for key in shown for member in key} == {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"}
    assert len(jwt.PyJWKSet.from_dict(jwks(RING, START)).keys) == 6


def test_no_secret_of_the_ring_is_in_it() -> None:
    text = json.dumps(jwks(RING, START))
    for key in RING.keys:
        public = key.public_jwk() if isinstance(key, SigningKey) else {}
        for member, value in key.secret_jwk().items():
            assert member in public or value not in text


def test_a_symmetric_key_is_refused_even_if_it_gets_there() -> None:
    with pytest.raises(TypeError, match="must not be in the JWKS"):
        _shown(BAG)  # type: ignore[arg-type]


class Symmetric(SigningKey):
    def public_jwk(self) -> dict[str, str]:
        return {"kty": "oct", "kid": self.kid}


class Leaking(SigningKey):
    def public_jwk(self) -> dict[str, str]:
        return self.secret_jwk()


@pytest.mark.parametrize("kind", [Symmetric, Leaking])
def test_a_signing_key_that_would_show_a_secret_is_refused(kind: type[SigningKey]) -> None:
    fields: dict[str, Any] = {
        name: getattr(SIGNING, name) for name in ("kid", "alg", "created", "activates", "retires", "expires", "pair")
    }
    with pytest.raises(TypeError, match="would publish a secret") as refused:
        jwks(Ring([kind(**fields)]), START)
    assert SIGNING.secret_jwk()["kty"] not in str(refused.value)


def test_retired_keys_stay_until_they_expire() -> None:
    key = replace(SIGNING, pair=SIGNING.pair.public(), created=0, activates=0, retires=10, expires=20)
    assert [shown["kid"] for shown in jwks(Ring([key]), 19.9)["keys"]] == [key.kid]
    assert jwks(Ring([key]), 20) == {"keys": []}


@pytest.mark.parametrize(
    ("before", "seconds"), [(10 * 86_400, 3_600), (3_601, 3_600), (3_600, 3_600), (59.5, 59), (1, 1), (0.2, 1)]
)
def test_max_age_ends_with_the_next_activation(before: float, seconds: int) -> None:
    activation = RING.next_activation(START)
    assert activation is not None
    assert max_age(RING, POLICY, activation - before) == seconds


def test_max_age_without_an_activation_ahead() -> None:
    assert max_age(Ring(), POLICY, START) == POLICY.jwks_max_age
