"""The policy names each broken invariant by its path."""

import pytest

from keys import Policy

DAY = 86_400


def test_the_defaults_are_sound() -> None:
    assert Policy().problems() == []


@pytest.mark.parametrize(
    ("policy", "paths"),
    [
        (Policy(publish_ahead=3_664), ["keys.publish_ahead"]),
        (Policy(publish_ahead=3_665), []),
        (Policy(jwks_max_age=2 * DAY), ["keys.publish_ahead"]),
        (Policy(period=2 * DAY), ["keys.period"]),
        (Policy(period=2 * DAY + 1), []),
        (Policy(signing_algs=()), ["keys.signing_algs"]),
        (Policy(signing_algs=("ES256", "none")), ["keys.signing_algs[1]"]),
        (Policy(signing_algs=("HS256",)), ["keys.signing_algs[0]"]),
        (Policy(signing_algs=("EdDSA", "ES256", "EdDSA")), ["keys.signing_algs[2]"]),
        (Policy(sig_life=0), ["keys.sig_life"]),
        (Policy(bag_life=-1), ["keys.bag_life"]),
        (Policy(skew=-1), ["keys.skew"]),
        (Policy(skew=0), []),
        (Policy(reload=0), ["keys.reload"]),
        (Policy(jwks_max_age=0), ["keys.jwks_max_age"]),
        (Policy(period=10**15), ["keys.period"]),
        (Policy(publish_ahead=1, period=1), ["keys.publish_ahead", "keys.period"]),
    ],
)
def test_problems(policy: Policy, paths: list[str]) -> None:
    assert [path for path, _ in policy.problems()] == paths


def test_lives() -> None:
    policy = Policy(sig_life=5, bag_life=7)
    assert (policy.life("sig"), policy.life("bag")) == (5, 7)
