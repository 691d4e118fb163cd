"""The ring: who signs, who seals, who is published."""

from dataclasses import replace

import pytest

from keys import NoActiveKey, Ring, SealingKey, SigningKey


def signing(kid: str, created: int, activates: int, retires: int, expires: int, alg: str = "ES256") -> SigningKey:
    return SigningKey.generate(alg=alg, kid=kid, created=created, activates=activates, retires=retires, expires=expires)


OLD, NOW, NEXT = signing("old", 0, 0, 100, 150), signing("now", 0, 100, 200, 250), signing("next", 100, 200, 300, 350)
EDDSA = signing("ed", 0, 0, 200, 250, alg="EdDSA")
BAG = SealingKey.generate(alg="A256KW", kid="bag", created=0, activates=50, retires=200, expires=900)
RING = Ring([NOW, BAG, OLD, NEXT, EDDSA])


@pytest.mark.parametrize(
    ("now", "kid"), [(0, "old"), (99.5, "old"), (100, "now"), (199, "now"), (200, "next"), (299, "next")]
)
def test_the_signer_is_the_active_key(now: float, kid: str) -> None:
    assert RING.signer("ES256", now).kid == kid


def test_the_newest_of_two_active_keys_signs() -> None:
    ring = Ring([replace(NOW, retires=250), NEXT])
    assert ring.signer("ES256", 220) == NEXT


def test_a_key_without_its_private_half_does_not_sign() -> None:
    ring = Ring([replace(NOW, pair=NOW.pair.public()), NEXT])
    with pytest.raises(NoActiveKey):
        ring.signer("ES256", 150)


@pytest.mark.parametrize(("alg", "now"), [("ES256", 300), ("ES384", 100), ("none", 100), ("EdDSA", 200)])
def test_no_active_signer(alg: str, now: int) -> None:
    with pytest.raises(NoActiveKey, match=f"no active sig key for {alg}") as none:
        RING.signer(alg, now)
    assert (none.value.purpose, none.value.alg) == ("sig", alg)


def test_the_sealer_is_a_bag_key() -> None:
    assert RING.sealer(50) is BAG
    for now in (49, 200):
        with pytest.raises(NoActiveKey, match="no active bag key"):
            RING.sealer(now)


@pytest.mark.parametrize(
    ("now", "kids"),
    [(0, {"old", "now", "ed"}), (100, {"old", "now", "next", "ed"}), (150, {"now", "next", "ed"}), (350, set())],
)
def test_published_from_created_until_expires(now: int, kids: set[str]) -> None:
    assert {key.kid for key in RING.published(now)} == kids


def test_by_kid() -> None:
    assert RING.by_kid("bag") is BAG
    assert RING.by_kid("nobody") is None


@pytest.mark.parametrize(("now", "instant"), [(0, 50), (50, 100), (100, 200), (199.5, 200), (200, None)])
def test_next_activation(now: float, instant: int | None) -> None:
    assert RING.next_activation(now) == instant


def test_a_ring_is_immutable_and_has_no_order() -> None:
    assert Ring(reversed(RING.keys)) == RING
    assert Ring() != RING
    with pytest.raises(AttributeError):
        RING.keys = ()  # type: ignore[misc]


def test_two_keys_of_one_kid_are_refused() -> None:
    with pytest.raises(ValueError, match="the same kid"):
        Ring([OLD, replace(NEXT, kid="old")])


def test_repr_shows_no_material() -> None:
    shown = repr(RING)
    assert "old" in shown
    secrets = [value for key in RING.keys for value in key.secret_jwk().values() if len(value) > 10]
    assert not any(secret in shown for secret in secrets)
