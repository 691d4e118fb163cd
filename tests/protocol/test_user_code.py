"""User codes (RFC 8628 section 6.1)."""

from collections import Counter

import pytest

from service.protocol.user_code import ALPHABET, fresh_user_code, read_user_code


def test_a_code_is_read_as_it_is_shown() -> None:
    codes = {fresh_user_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert {read_user_code(code) for code in codes} == codes


def test_every_letter_is_as_likely() -> None:
    counts = Counter("".join(fresh_user_code().replace("-", "") for _ in range(5000)))
    assert set(counts) == set(ALPHABET)
    assert all(1700 < count < 2300 for count in counts.values())  # 2,000 expected, 44 the standard deviation


@pytest.mark.parametrize("text", ["WDJB-MJHT", "wdjbmjht", " WDJB MJHT\n", "W.D.J.B-M_J_H_T", "wdjb–mjht", "WDJB—MJHT"])
def test_case_and_separators_do_not_matter(text: str) -> None:
    assert read_user_code(text) == "WDJB-MJHT"


@pytest.mark.parametrize(
    "text", ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJH1", "WDJB-MJHA", "ＷDJB-MJHT", "WDJB+MJHT", "ß" * 8]
)
def test_all_else_is_no_code(text: str) -> None:
    assert read_user_code(text) is None
