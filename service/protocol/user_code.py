"""User codes (RFC 8628 section 6.1): eight consonants that are hard to mistake and spell no words, 34 bits."""

import re

from service.bags.randomness import random_octets

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8

_CODE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
_SEPARATORS = re.compile(r"[\s\-–—_.]+")


def fresh_user_code() -> str:
    """Return a user code as people see it, such as BCDF-GHJK."""
    number = int.from_bytes(random_octets(16))  # so much more than 20^8 that no letter is likelier than another
    letters = [ALPHABET[number // len(ALPHABET) ** n % len(ALPHABET)] for n in range(LENGTH)]
    return shown("".join(letters))


def read_user_code(text: str) -> str | None:
    """Return the code that somebody has typed, as people see it; case and separators do not matter. None: no code."""
    letters = _SEPARATORS.sub("", text).upper()
    return shown(letters) if _CODE.fullmatch(letters) else None


def shown(letters: str) -> str:
    """Return the letters of a code as people see it."""
    return f"{letters[: LENGTH // 2]}-{letters[LENGTH // 2 :]}"
