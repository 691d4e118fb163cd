"""When a token is fresh, renewed or expired: the state of one slot, with a clock of our own."""

from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st
from satchel_client.errors import ClientError, TokenUnavailable
from satchel_client.renewal import FLIGHT_SECONDS, UNKNOWN_LIFE, Outcome, RenewalSettings, Slot
from satchel_client.token import Token

DOWN = TokenUnavailable("down")


def token(life: float | None) -> Token:
    return Token("t", "Bearer", None, life)


def slot(life: float | None = 600, settings: RenewalSettings | None = None, now: float = 0) -> Slot:
    """A slot with a token that was asked for, and arrived, at `now`."""
    made = Slot(settings or RenewalSettings())
    fly(made, token(life), now)
    return made


def fly(made: Slot, outcome: Outcome, now: float) -> None:
    flight, begun = made.board(now)
    assert begun
    assert isinstance(flight, Future)
    made.land(flight, outcome, now, now)


@pytest.mark.parametrize(
    ("life", "window"), [(600, 60), (180, 60), (179, 179 / 3), (30, 10), (3, 1), (86400, 60), (0.3, 0.1)]
)
def test_the_window_is_sixty_seconds_but_never_more_than_a_third_of_the_life(life: float, window: float) -> None:
    made = slot(life, now=1000)
    assert made.expires_at == 1000 + life
    assert made.renew_at == pytest.approx(1000 + life - window)


def test_a_life_that_the_server_does_not_tell_is_short() -> None:
    assert slot(None).expires_at == UNKNOWN_LIFE


def test_a_life_is_counted_from_the_request_and_not_from_the_answer() -> None:
    made = Slot(RenewalSettings())
    flight, _ = made.board(0)
    assert isinstance(flight, Future)
    made.land(flight, token(600), 0, 25)
    assert made.expires_at == 600


def test_one_renewal_at_a_time() -> None:
    made = slot()
    first, begun = made.board(550)
    assert begun
    assert made.board(551) == (first, False)


def test_a_renewal_that_never_lands_is_given_up() -> None:
    made = slot()
    first, _ = made.board(550)
    second, begun = made.board(550 + FLIGHT_SECONDS)
    assert begun
    assert second is not first


def test_a_stray_failure_changes_nothing_and_a_stray_token_only_what_is_older() -> None:
    made = slot()
    stray, _ = made.board(550)
    assert isinstance(stray, Future)
    fly(made, token(600), 590)
    made.land(stray, DOWN, 550, 591)
    assert isinstance(made.board(1150)[0], Future)
    made.land(stray, token(600), 550, 592)
    assert made.expires_at == 1190
    made.land(stray, token(900), 550, 592)
    assert made.expires_at == 1450


def test_early_retry_waits_four_seconds_and_expired_retry_two() -> None:
    made = slot()
    fly(made, DOWN, 550)
    assert made.board(553.9) == (DOWN, False)
    fly(made, DOWN, 554)
    fly(made, DOWN, 598)
    assert made.good(599.9) is not None
    assert made.board(599.9) == (DOWN, False)
    assert made.good(600) is None
    fly(made, DOWN, 600)
    assert made.board(601.9) == (DOWN, False)
    fly(made, token(600), 602)
    assert made.good(603) is not None


def test_what_the_server_says_of_retrying_counts() -> None:
    made = Slot(RenewalSettings())
    patience = TokenUnavailable("busy", retry_after=20)
    fly(made, patience, 0)
    assert made.board(19.9) == (patience, False)
    assert made.board(20)[1]


def test_a_refused_token_is_renewed_unless_it_is_as_fresh_as_a_moment() -> None:
    made = slot()
    old = made.token
    assert old is not None
    assert not made.reject(old, 1.9)
    assert made.good(2) is old
    assert made.reject(old, 2)
    assert made.good(2) is None
    fly(made, token(600), 3)
    assert made.reject(old, 4), "somebody else has renewed it by now"
    assert made.good(4) is made.token


@pytest.mark.parametrize(
    "settings",
    [
        {"token_renew_before_expired": -1},
        {"early_refresh_retry_delay": -0.1},
        {"expired_refresh_retry_delay": -1},
        {"cache_capacity": 0},
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ClientError):
        RenewalSettings(**settings)


@given(
    life=st.floats(0.1, 1e6),
    steps=st.lists(st.tuples(st.floats(0, 400), st.booleans(), st.booleans()), max_size=40),
)
def test_no_expired_token_is_given_and_no_two_attempts_are_closer_than_they_may(
    life: float, steps: list[tuple[float, bool, bool]]
) -> None:
    made, now = slot(life), 0.0
    failed_at: float | None = None
    for wait, asks, succeeds in steps:
        now += wait
        assert made.good(now) is None or now < made.expires_at
        if not asks:
            continue
        boarded, begun = made.board(now)
        delay = 4 if made.good(now) else 2
        assert begun == (failed_at is None or now >= failed_at + delay)
        if isinstance(boarded, Future):
            made.land(boarded, token(life) if succeeds else DOWN, now, now)
            failed_at = None if succeeds else now
            assert not succeeds or made.good(now) is not None
