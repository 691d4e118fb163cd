"""Rotation, step by step."""

import os
from dataclasses import replace

import pytest

from keys import NoActiveKey, Policy, Ring, SealingKey, SigningKey, UnknownKid, revoke, rotate
from keys.key import Key

POLICY = Policy()
START = 1_800_000_000
DAY = 86_400
CHAINS = [("sig", "ES256"), ("bag", "A256KW")]

each_chain = pytest.mark.parametrize("chain", CHAINS)


def line(ring: Ring, chain: tuple[str, str] = ("sig", "ES256")) -> list[Key]:
    """The keys of a chain, oldest first."""
    return sorted((key for key in ring.keys if (key.purpose, key.alg) == chain), key=lambda key: key.activates)


def states(ring: Ring, now: int, chain: tuple[str, str] = ("sig", "ES256")) -> list[str]:
    return [key.state(now) for key in line(ring, chain)]


FIRST = rotate(Ring(), POLICY, START)


@each_chain
def test_the_first_rotation_makes_an_active_key_and_a_standby_one_period_later(chain: tuple[str, str]) -> None:
    active, standby = line(FIRST, chain)
    assert active.created == active.activates == START - POLICY.skew
    assert standby.created == START
    assert standby.activates == active.retires == active.activates + POLICY.period
    for key in (active, standby):
        assert key.expires == key.retires + POLICY.life(key.purpose) + POLICY.reload + POLICY.skew
        assert key.kid.startswith("270115-")
        assert len(key.kid) == 13


@pytest.mark.parametrize("now", [START, START + 1, START + 30 * DAY, START + 87 * DAY])
def test_rotation_is_idempotent(now: int) -> None:
    assert rotate(FIRST, POLICY, now) == FIRST


@each_chain
def test_the_next_standby_comes_with_the_takeover(chain: tuple[str, str]) -> None:
    now = START + 90 * DAY + 3_600
    ring = rotate(FIRST, POLICY, now)
    assert states(ring, now, chain) == ["retired", "active", "standby"]
    old, active, standby = line(ring, chain)
    assert (old.kid, active.kid) == tuple(key.kid for key in line(FIRST, chain))
    assert standby.created == now
    assert standby.activates == active.retires


def test_what_has_expired_is_dropped() -> None:
    ring = rotate(FIRST, POLICY, START + 90 * DAY)
    later = START + 93 * DAY
    assert states(rotate(ring, POLICY, later), later) == ["active", "standby"]
    assert states(rotate(ring, POLICY, later), later, ("bag", "A256KW")) == ["retired", "active", "standby"]


def test_the_private_half_of_a_retired_key_is_deleted_when_no_node_can_still_sign() -> None:
    retires = line(FIRST)[0].retires
    margin = POLICY.skew + POLICY.reload
    for now, can_sign in [(retires, True), (retires + margin - 1, True), (retires + margin, False)]:
        old = line(rotate(FIRST, POLICY, now))[0]
        assert isinstance(old, SigningKey)
        assert old.can_sign is can_sign
    signature = FIRST.signer("ES256", START).sign(b"x")
    assert old.verify(signature, b"x")
    bag = line(rotate(FIRST, POLICY, retires + margin), ("bag", "A256KW"))[0]
    assert isinstance(bag, SealingKey)
    assert bag.unwrap(FIRST.sealer(START).wrap(b"k" * 32)) == b"k" * 32


@each_chain
def test_a_late_standby_is_published_ahead_nevertheless(chain: tuple[str, str]) -> None:
    now = line(FIRST, chain)[1].retires - 3_600
    ring = rotate(FIRST, POLICY, now)
    active, standby, following = line(ring, chain)[-3:]
    assert standby.created == following.created == now
    assert standby.activates == active.retires == now + POLICY.publish_ahead
    assert active.expires == active.retires + POLICY.life(active.purpose) + POLICY.reload + POLICY.skew


@each_chain
def test_when_everything_has_retired_a_new_key_is_active_at_once(chain: tuple[str, str]) -> None:
    now = START + 400 * DAY
    ring = rotate(FIRST, POLICY, now)
    assert states(ring, now, chain) == ["active", "standby"]
    assert not {key.kid for key in ring.keys} & {key.kid for key in FIRST.keys}


@each_chain
def test_force_takes_effect_at_once_for_a_standby_that_everybody_has_seen(chain: tuple[str, str]) -> None:
    now = START + 10 * DAY
    ring = rotate(FIRST, POLICY, now, force=True)
    old, active, standby = line(ring, chain)
    assert [old.kid, active.kid] == [key.kid for key in line(FIRST, chain)]
    assert old.retires == active.activates == now
    assert old.expires == now + POLICY.life(old.purpose) + POLICY.reload + POLICY.skew
    assert active.retires == standby.activates == now + POLICY.period
    assert standby.created == now


@each_chain
def test_force_waits_for_a_standby_that_is_too_new(chain: tuple[str, str]) -> None:
    ring = rotate(FIRST, POLICY, START + DAY, force=True)
    active, standby, following = line(ring, chain)
    assert standby.activates == active.retires == START + POLICY.publish_ahead
    assert following.activates == standby.retires
    assert states(ring, START + DAY, chain) == ["active", "standby", "standby"]
    assert rotate(ring, POLICY, START + DAY + 5, force=True) == ring
    assert rotate(ring, POLICY, START + DAY + 5) == ring
    after = START + POLICY.publish_ahead
    assert states(rotate(ring, POLICY, after), after, chain) == ["retired", "active", "standby"]


def test_a_pending_force_stands_when_the_policy_changes() -> None:
    ring = rotate(FIRST, POLICY, START + DAY, force=True)
    for policy in (Policy(publish_ahead=5 * DAY), Policy(period=30 * DAY)):
        assert line(rotate(ring, policy, START + DAY + 5, force=True))[:2] == line(ring)[:2]


def test_force_without_a_standby_makes_one_as_early_as_may_be() -> None:
    now = START + 100 * DAY
    ring = rotate(FIRST, POLICY, now, force=True)
    assert line(ring)[-2].created == now
    assert line(ring)[-2].activates == line(ring)[-3].retires == now + POLICY.publish_ahead


@each_chain
def test_revoking_the_active_key_lets_the_standby_take_over_at_once(chain: tuple[str, str]) -> None:
    now = START + 10 * DAY
    gone, standby = line(FIRST, chain)
    ring = revoke(FIRST, gone.kid, POLICY, now)
    assert ring.by_kid(gone.kid) is None
    active, following = line(ring, chain)
    assert active.kid == standby.kid
    assert active.activates == now - POLICY.skew
    assert following.created == now
    assert following.activates == active.retires
    other = next(other for other in CHAINS if other != chain)
    assert line(ring, other) == line(FIRST, other)


def test_revoking_twice_lets_an_unpublished_key_take_over() -> None:
    now = START + 10 * DAY
    once = revoke(FIRST, line(FIRST)[0].kid, POLICY, now)
    twice = revoke(once, line(once)[0].kid, POLICY, now)
    assert states(twice, now) == ["active", "standby"]
    assert line(twice)[0].kid == line(once)[1].kid


def test_revoking_the_standby_makes_another() -> None:
    now = START + 90 * DAY - 3_600
    ring = revoke(FIRST, line(FIRST)[1].kid, POLICY, now)
    active, standby, _ = line(ring)
    assert active.kid == line(FIRST)[0].kid
    assert standby.activates == active.retires == now + POLICY.publish_ahead


def test_revoking_a_retired_key_only_removes_it() -> None:
    now = START + 90 * DAY + 3_600
    ring = rotate(FIRST, POLICY, now)
    after = revoke(ring, line(ring)[0].kid, POLICY, now)
    assert line(after) == line(ring)[1:]


def test_revoking_the_only_key_makes_a_new_one() -> None:
    now = START + 100 * DAY
    alone = Ring([line(FIRST)[1]])
    ring = revoke(alone, alone.keys[0].kid, POLICY, now)
    assert states(ring, now) == ["active", "standby"]


def test_revoking_an_unknown_kid() -> None:
    with pytest.raises(UnknownKid, match="no key has the kid 'nobody'"):
        revoke(FIRST, "nobody", POLICY, START)


def test_an_added_algorithm_starts_a_chain() -> None:
    now = START + 10 * DAY
    ring = rotate(FIRST, Policy(signing_algs=("ES256", "EdDSA")), now)
    assert states(ring, now, ("sig", "EdDSA")) == ["active", "standby"]
    assert line(ring) == line(FIRST)


def test_a_removed_algorithm_ends_with_its_active_key() -> None:
    both = Policy(signing_algs=("ES256", "EdDSA"))
    ring = rotate(Ring(), both, START)
    active = line(ring, ("sig", "EdDSA"))[0]
    ring = rotate(ring, POLICY, START + DAY, force=True)
    assert line(ring, ("sig", "EdDSA")) == [active]
    retired = rotate(ring, POLICY, active.retires + 3_600)
    assert states(retired, active.retires + 3_600, ("sig", "EdDSA")) == ["retired"]
    assert not line(rotate(retired, POLICY, active.expires), ("sig", "EdDSA"))
    assert not line(revoke(ring, active.kid, POLICY, START + DAY), ("sig", "EdDSA"))


def test_a_longer_life_of_tokens_keeps_keys_longer_and_a_shorter_one_breaks_no_promise() -> None:
    longer = Policy(sig_life=7 * DAY)
    ring = rotate(FIRST, longer, START + DAY)
    assert all(key.expires == key.retires + 7 * DAY + POLICY.reload + POLICY.skew for key in line(ring))
    assert line(rotate(ring, POLICY, START + 2 * DAY)) == line(ring)


@each_chain
def test_a_clock_set_back_by_an_hour_leaves_every_chain_with_an_active_key(chain: tuple[str, str]) -> None:
    takeover = line(FIRST, chain)[1].activates
    buried = rotate(FIRST, POLICY, takeover + 600)
    back = takeover - 3_000
    ring = rotate(buried, POLICY, back)
    assert sum(key.state(back) == "active" and key.usable for key in line(ring, chain)) == 1
    assert rotate(ring, POLICY, back) == ring
    fresh = rotate(FIRST, POLICY, START - 3_600)
    assert states(fresh, START - 3_600, chain).count("active") == 1
    assert fresh.published(START - 3_600)


def test_an_interrupted_save_of_a_forced_rotation_heals() -> None:
    now = START + 10 * DAY
    forced = rotate(FIRST, POLICY, now, force=True)
    old, active, standby = line(forced)
    for half in (
        [*line(FIRST), standby],
        [line(FIRST)[0], active, standby],
        [line(FIRST)[0], active],
    ):
        ring = Ring(half)
        assert ring.signer("ES256", now).usable
        healed = rotate(ring, POLICY, now + 60)
        assert states(healed, now + 60).count("active") == 1
        assert "standby" in states(healed, now + 60)
        assert rotate(healed, POLICY, now + 60) == healed
        assert healed.by_kid(old.kid) is not None


def test_kids_are_unique_whatever_the_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = line(FIRST)[0]
    draws = iter([b"\0" * 5, b"\0" * 5, *(bytes([n]) * 5 for n in range(1, 10))])
    monkeypatch.setattr(
        "keys.rotation.secrets.token_bytes", lambda size: next(draws) if size == 5 else os.urandom(size)
    )
    clashing = Ring([replace(taken, kid="270115-aaaaaa")])
    ring = rotate(clashing, POLICY, START)
    assert len({key.kid for key in ring.keys}) == len(ring.keys) == 4


def test_a_ring_that_was_never_rotated_signs_nothing() -> None:
    with pytest.raises(NoActiveKey):
        Ring().signer("ES256", START)
