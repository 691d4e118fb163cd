"""Rotation under any sequence of steps: the invariants that verifiers and nodes rely on."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import KeyPair, Policy, Ring, SealingKey, SigningKey, revoke, rotate
from keys.key import Key

START = 1_800_000_000
PAIR = KeyPair.generate("ES256")
SECRET = bytes(32)

# Small numbers, so that short sequences meet every edge; sound by Policy.problems().
POLICY = Policy(period=1_000, publish_ahead=100, jwks_max_age=60, reload=5, skew=10, sig_life=150, bag_life=400)
CHAINS = (("sig", "ES256"), ("bag", "A256KW"))


def cheap(purpose: str, **fields: int | str) -> Key:
    """Keys of one material: these tests are about times."""
    if purpose == "sig":
        return SigningKey(pair=PAIR, **fields)  # type: ignore[arg-type]
    return SealingKey(secret=SECRET, **fields)  # type: ignore[arg-type]


def usable(ring: Ring, chain: tuple[str, str], now: int) -> list[Key]:
    return [key for key in ring.keys if (key.purpose, key.alg) == chain and key.state(now) == "active" and key.usable]


@dataclass
class History:
    """What a node and a verifier have seen."""

    now: int = START
    ring: Ring = field(default_factory=Ring)
    emergencies: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    first_seen: dict[str, int] = field(default_factory=dict)
    protected: list[tuple[str, int, int]] = field(default_factory=list)  # kid, from, until

    def turn(self, ring: Ring, *, emergency: bool) -> None:
        before = {key.kid: key.state(self.now) for key in self.ring.keys}
        covered = {chain for chain in CHAINS if usable(self.ring, chain, self.now)}
        self.ring = ring
        for key in ring.keys:
            self.first_seen.setdefault(key.kid, self.now)
            chain = (key.purpose, key.alg)
            fresh = key.state(self.now) == "active" and before.get(key.kid) in (None, "standby")
            if fresh and (emergency or chain not in covered):
                self.emergencies.add(key.kid)

    def use(self) -> None:
        """Signs and seals now, as a node does."""
        for chain, life in ((CHAINS[0], POLICY.sig_life), (CHAINS[1], POLICY.bag_life)):
            for key in usable(self.ring, chain, self.now):
                self.protected.append((key.kid, self.now, self.now + life))


steps = st.one_of(
    st.tuples(st.just("wait"), st.integers(0, 1_200)),
    st.tuples(st.just("wait"), st.sampled_from([1, 10, 15, 99, 100, 101, 500, 990, 1_000, 1_010, 1_300])),
    st.tuples(st.just("rotate"), st.just(0)),
    st.tuples(st.just("force"), st.just(0)),
    st.tuples(st.just("revoke"), st.integers(0, 5)),
)


def check(history: History, *, rotated: bool) -> None:
    ring, now = history.ring, history.now
    if rotated:
        assert rotate(ring, POLICY, now, generate=cheap) == ring
    for chain in CHAINS:
        keys = sorted((k for k in ring.keys if (k.purpose, k.alg) == chain), key=lambda key: key.activates)
        if not keys:
            continue
        if rotated:
            assert any(key.activates > now and key.created <= now for key in keys), "no published standby"
            assert len(usable(ring, chain, now)) == 1
            end = max(key.retires for key in keys)
            edges = {t for key in keys for t in (key.activates, key.retires, key.retires - 1) if now <= t < end}
            for instant in sorted(edges):
                assert len(usable(ring, chain, instant)) == 1, "not exactly one active key"
    for key in ring.keys:
        assert key.created <= key.activates <= key.retires <= key.expires
        assert key.expires - key.retires >= POLICY.life(key.purpose) + POLICY.skew
        if key.kid not in history.emergencies:
            assert key.activates >= history.first_seen[key.kid] + POLICY.publish_ahead, "signs before it is known"
        assert key.kid not in history.revoked
    for kid, since, until in history.protected:
        if kid not in history.revoked and now < until:
            assert ring.by_kid(kid) is not None, f"what was made at {since} cannot be read until {until}"
            assert now < ring.by_kid(kid).expires  # type: ignore[union-attr]


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(st.lists(steps, min_size=1, max_size=25))
def test_the_invariants_hold_after_any_sequence(sequence: list[tuple[str, int]]) -> None:
    history = History()
    history.turn(rotate(Ring(), POLICY, START, generate=cheap), emergency=True)
    history.use()
    for step, number in sequence:
        if step == "wait":
            history.now += number
        elif step == "rotate":
            history.turn(rotate(history.ring, POLICY, history.now, generate=cheap), emergency=False)
        elif step == "force":
            overdue = not all(usable(history.ring, chain, history.now) for chain in CHAINS)
            pending = rotate(history.ring, POLICY, history.now, force=True, generate=cheap)
            history.turn(pending, emergency=False)
            if not overdue and not any(key.activates == history.now for key in pending.keys):
                assert rotate(pending, POLICY, history.now, force=True, generate=cheap) == pending
        elif history.ring.keys:
            kid = history.ring.keys[number % len(history.ring.keys)].kid
            history.revoked.add(kid)
            history.turn(revoke(history.ring, kid, POLICY, history.now, generate=cheap), emergency=True)
        history.use()
        check(history, rotated=step != "wait")


@settings(max_examples=100, deadline=None)
@given(
    gaps=st.lists(st.integers(1, 900), min_size=1, max_size=30),
    skews=st.integers(-10, 0).flatmap(lambda low: st.tuples(*[st.integers(low, low + 10)] * 2)),
)
def test_with_a_cron_job_nodes_of_any_clock_within_skew_understand_each_other(
    gaps: list[int], skews: tuple[int, int]
) -> None:
    now, ring = START, rotate(Ring(), POLICY, START, generate=cheap)
    for gap in gaps:
        now += gap
        ring = rotate(ring, POLICY, now, generate=cheap)
        one, other = now + skews[0], now + skews[1]
        signer = ring.signer("ES256", one)
        assert signer in ring.published(other)
        # Whoever drops a key, by a clock at most skew ahead, drops it after all that it protects has expired.
        assert ring.sealer(one).expires >= one + POLICY.bag_life + POLICY.skew
        assert signer.expires >= one + POLICY.sig_life + POLICY.skew


def test_the_small_policy_is_sound() -> None:
    assert POLICY.problems() == []


@pytest.mark.parametrize("behind", [0, 30, 60])
def test_a_node_whose_clock_is_behind_signs_at_once_after_a_first_rotation_and_a_revocation(behind: int) -> None:
    policy = Policy()
    ring = rotate(Ring(), policy, START, generate=cheap)
    assert ring.signer("ES256", START - behind)
    assert ring.published(START - behind)
    later = START + 1_000
    ring = revoke(ring, ring.signer("ES256", later).kid, policy, later, generate=cheap)
    assert ring.signer("ES256", later - behind)
    assert ring.signer("ES256", later + behind)
