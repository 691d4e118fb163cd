"""User codes (RFC 8628 section 6.1): eight consonants (34 bits), easy to read and unable to form words."""

import re

from service.bags.randomness import random_octets

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8

_CODE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
_SEPARATORS = re.compile(r"[\s\-–—_.]+")


def fresh_user_code() -> str:
    """Return a new user code as it is displayed, such as BCDF-GHJK."""
    number = int.from_bytes(random_octets(16))  # far more than 20^8, so all letters are equally likely
    letters = [ALPHABET[number // len(ALPHABET) ** n % len(ALPHABET)] for n in range(LENGTH)]
    return shown("".join(letters))


def read_user_code(text: str) -> str | None:
    """Return the user code `text` as it is displayed, or None if it is not one. Case and separators do not matter."""
    letters = _SEPARATORS.sub("", text).upper()
    return shown(letters) if _CODE.fullmatch(letters) else None


def shown(letters: str) -> str:
    """Return the letters of a user code as it is displayed."""
    return f"{letters[: LENGTH // 2]}-{letters[LENGTH // 2 :]}"
