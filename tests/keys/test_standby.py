"""A standby is always published, whatever brought the last one forward."""

from keys import Policy, Ring, revoke, rotate

DAY = 86_400
START = 1_800_000_000
POLICY = Policy()


def test_a_standby_that_is_brought_forward_has_a_standby_at_once() -> None:
    """A forced standby takes over without anybody rotating; then an emergency finds a key that verifiers have seen."""
    forced = rotate(rotate(Ring(), POLICY, START), POLICY, START, force=True)
    taken_over = START + POLICY.publish_ahead
    for now in (START, taken_over - 1, taken_over, taken_over + 5 * DAY):
        assert forced.without_standby(["ES256"], now) == []
    active = forced.signer("ES256", taken_over + DAY)
    after = revoke(forced, active.kid, POLICY, taken_over + DAY)
    assert after.signer("ES256", taken_over + DAY).created <= START


def test_a_standby_that_takes_over_by_itself_has_one_if_anybody_rotates_within_publish_ahead() -> None:
    ring = rotate(Ring(), POLICY, START)
    takeover = START + POLICY.period - POLICY.skew
    ring = rotate(ring, POLICY, takeover - POLICY.publish_ahead + 1)
    for now in (takeover - 1, takeover, takeover + DAY):
        assert ring.without_standby(["ES256"], now) == []


def test_force_again_changes_nothing_before_the_takeover() -> None:
    forced = rotate(rotate(Ring(), POLICY, START), POLICY, START, force=True)
    assert rotate(forced, POLICY, START + 60, force=True) == forced


def test_a_missing_standby_is_told() -> None:
    ring = rotate(Ring(), POLICY, START)
    late = START + POLICY.period + DAY
    assert ring.without_standby(["ES256", "EdDSA"], late) == ["ES256", "EdDSA"]
    assert ring.without_standby(["ES256"], START) == []
