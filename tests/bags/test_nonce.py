"""Nonces of the clock (RFC 9449 section 8): any node with the same keys knows any other's; nobody else makes one."""

import pytest

from keys import NoActiveKey, Ring
from service.bags.nonce import SLOT, check_nonce, make_nonce
from tests.worlds.bags import DAY, NOW, bag_key, signing_key

RING = Ring([signing_key(), bag_key()])
START = NOW // SLOT * SLOT


def test_a_nonce_is_good_for_its_slot_and_the_next() -> None:
    nonce = make_nonce(RING, START)
    assert nonce == make_nonce(RING, START + SLOT - 0.001)
    assert nonce != make_nonce(RING, START + SLOT)
    for later, good in [(0, True), (SLOT, True), (2 * SLOT - 0.001, True), (2 * SLOT, False), (DAY, False)]:
        assert check_nonce(RING, nonce, START + later) is good


def test_another_node_may_be_a_slot_behind() -> None:
    nonce = make_nonce(RING, START)
    assert check_nonce(RING, nonce, START - 1)
    assert not check_nonce(RING, nonce, START - SLOT - 1)


def test_another_node_with_the_same_keys() -> None:
    assert check_nonce(Ring([bag_key()]), make_nonce(RING, NOW), NOW)


def test_another_ring() -> None:
    for other in (bag_key(secret=bytes(32)), bag_key(kid="270115-bag999"), bag_key(kid="other", secret=bytes(32))):
        assert not check_nonce(RING, make_nonce(Ring([other]), NOW), NOW)


def test_a_nonce_outlives_the_change_of_keys_but_not_its_key() -> None:
    old = bag_key(retires=NOW, expires=NOW + DAY)
    both = Ring([old, bag_key(kid="new", secret=bytes(32), activates=NOW)])
    nonce = make_nonce(Ring([old]), NOW - 1)
    assert check_nonce(both, nonce, NOW)
    assert make_nonce(both, NOW).startswith("new.")
    assert not check_nonce(Ring([bag_key(kid="new", secret=bytes(32), activates=NOW)]), nonce, NOW)
    late = Ring([bag_key(retires=NOW + DAY, expires=NOW + DAY)])
    nonce = make_nonce(late, NOW + DAY - 1)
    assert check_nonce(late, nonce, NOW + DAY - 1)
    assert not check_nonce(late, nonce, NOW + DAY)


def test_no_key_no_nonce() -> None:
    with pytest.raises(NoActiveKey):
        make_nonce(Ring([signing_key()]), NOW)


def test_forgeries() -> None:
    nonce = make_nonce(RING, NOW)
    kid, slot, mac = nonce.split(".")
    changed = [nonce[:at] + ("A" if nonce[at] != "A" else "B") + nonce[at + 1 :] for at in range(len(nonce))]
    absent = ["", ".", "..", kid, f"{kid}.", f"{kid}.{slot}", f"{kid}.{slot}.", f"{slot}.{mac}", f".{slot}.{mac}"]
    numbers = [
        "0" + slot,
        "+" + slot,
        slot + ".0",
        f" {slot}",
        f"{slot}_0",
        "٣",
        "-1",
        "9" * 11,
        "9" * 5000,
        "1e9",
        "0x1",
    ]
    other = [
        nonce + "A",
        nonce + ".",
        nonce + "=",
        nonce + " ",
        nonce.upper(),
        nonce * 2,
        "é",
        "\ud800",
        f"{kid}.{slot}.é",
    ]
    signing = [f"{RING.keys[0].kid}.{slot}.{mac}"]
    for text in changed + absent + [f"{kid}.{number}.{mac}" for number in numbers] + other + signing:
        assert not check_nonce(RING, text, NOW), text


def test_a_nonce_is_short_and_has_no_character_that_a_header_minds() -> None:
    """NQCHAR of RFC 9449 section 8.1, without those that a JSON string or a header would have to escape."""
    nonce = make_nonce(RING, NOW)
    assert len(nonce) < 64
    assert all(character.isalnum() or character in "-_." for character in nonce)
