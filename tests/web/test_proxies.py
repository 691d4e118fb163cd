"""Where a request began: X-Forwarded-For counts from trusted proxies alone (attack 86)."""

from typing import Any

import pytest

from service.config import Proxies
from service.web.proxies import TrustedProxies

TRUSTED = ("10.0.0.0/8", "192.0.2.1", "2001:db8:1::/48")


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    fields = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return {"client": peer and (peer, 40000), "headers": [(b"host", b"as.example.com"), *fields]}


def address(peer: str | None, *forwarded: str) -> str:
    return TrustedProxies(Proxies(trusted=TRUSTED)).address(scope(peer, *forwarded))


FORWARDED = [
    (["203.0.113.7"], "203.0.113.7"),
    (["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
    (["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
    (["203.0.113.7, 10.1.1.1, 192.0.2.1"], "203.0.113.7"),
    (["203.0.113.7,10.1.1.1", "\t192.0.2.1 "], "203.0.113.7"),
    (["2001:db8:2::5, 2001:db8:1::9"], "2001:db8:2::5"),
    (["::ffff:203.0.113.7"], "203.0.113.7"),
    (["203.0.113.7, ::ffff:10.0.0.1"], "203.0.113.7"),
    (["10.0.0.8"], "10.0.0.8"),
]


@pytest.mark.parametrize(("lines", "expected"), FORWARDED)
@pytest.mark.parametrize("peer", ["10.0.0.9", "::ffff:10.0.0.9", "2001:db8:1::1"])
def test_the_last_that_is_not_a_proxy(peer: str, lines: list[str], expected: str) -> None:
    assert address(peer, *lines) == expected


@pytest.mark.parametrize("peer", ["203.0.113.9", "2001:db8:2::1", "192.0.2.2"])
@pytest.mark.parametrize("lines", [lines for lines, _ in FORWARDED])
def test_from_anyone_else_it_is_ignored(peer: str, lines: list[str]) -> None:
    assert address(peer, *lines) == peer


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", "10.0.0.9"),
        ("unknown", "10.0.0.9"),
        ("203.0.113.7, junk", "10.0.0.9"),
        ("203.0.113.7, junk, 10.0.0.1", "10.0.0.1"),
        ("203.0.113.7:80", "10.0.0.9"),
        ("<script>", "10.0.0.9"),
        ("2o3.0.113.7, \xe9", "10.0.0.9"),
    ],
)
def test_what_is_no_address_ends_the_search(line: str, expected: str) -> None:
    assert address("10.0.0.9", line) == expected


def test_without_a_header_it_is_the_peer() -> None:
    assert address("10.0.0.9") == "10.0.0.9"
    assert address(None, "203.0.113.7") == ""  # a Unix socket


def test_without_trusted_proxies_it_is_the_peer() -> None:
    assert TrustedProxies(Proxies()).address(scope("10.0.0.9", "203.0.113.7")) == "10.0.0.9"
    assert not TrustedProxies(Proxies()).sent(scope("10.0.0.9"))
