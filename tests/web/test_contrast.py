"""Colours: whatever the operator likes, people can read it (WCAG 2.2 section 1.4.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.web.contrast import LEGIBLE, contrast, ink, legible

colors = st.binary(min_size=3, max_size=3).map(lambda octets: "#" + octets.hex())


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#ff0000", "#ffffff", 4.0),
        ("#abcdef", "#ABCDEF", 1.0),
    ],
)
def test_ratios_that_are_known(one: str, other: str, expected: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(expected, abs=0.005)


@given(colors, colors)
def test_a_color_can_always_be_made_legible(color: str, ground: str) -> None:
    assert contrast(legible(color, ground), ground) >= LEGIBLE
    assert contrast(ink(ground), ground) >= LEGIBLE


@given(colors, colors)
def test_a_legible_color_stays_as_it_is(color: str, ground: str) -> None:
    if contrast(color, ground) >= LEGIBLE:
        assert legible(color, ground) == color
