"""Passwords that people chose, kept as Argon2id (RFC 9106): computed off the event loop, a few at a time.

The one place outside of keys and bags that does cryptography: it concerns no token.
"""

import asyncio
import os
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from service.protocol.errors import OAuthError

CONCURRENT = 2
"""Hashes at a time in one process, of people and of programs each; each takes a core for about 0.1 s, and 19 MiB."""
PATIENCE = 2.0
"""Seconds after which a hash that is still waiting for its turn is given up."""
MAX_MEMORY_KIB = 1024 * 1024

_PHC = re.compile(r"\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,4}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}")


def hash(password: str) -> str:
    """Return a new Argon2id hash of `password`, as a PHC string; it takes about 0.1 s."""
    hasher = Argon2id(salt=os.urandom(16), length=32, iterations=2, lanes=1, memory_cost=19 * 1024)
    return hasher.derive_phc_encoded(password.encode("utf-8"))


def check_phc(phc: str) -> str:
    """Return `phc` itself, which `verify` can then work with.

    Raises:
        ValueError: it is no PHC string of Argon2id, or asks for more than 1 GiB of memory.
    """
    parameters = _PHC.fullmatch(phc)
    if parameters is None:
        raise ValueError("is not a PHC string of Argon2id: $argon2id$v=19$m=…,t=…,p=…$salt$hash")
    memory, iterations, lanes = map(int, parameters.groups())
    if not (lanes >= 1 and iterations >= 1 and 8 * lanes <= memory <= MAX_MEMORY_KIB):
        raise ValueError("has Argon2id parameters out of range")
    return phc


async def verify(phc: str, password: str, whose: str = "people") -> bool:
    """Tell whether `password` is the one hashed to `phc`; for a name that nobody has, give somebody's hash.

    `whose` names those who wait for each other: a crowd of programs must not keep people from logging in.

    Raises:
        OAuthError: temporarily_unavailable, after PATIENCE seconds.
    """
    turn = asyncio.get_running_loop().run_in_executor(_threads(whose), _matches, phc, password.encode("utf-8"))
    try:
        return await asyncio.wait_for(turn, PATIENCE)
    except TimeoutError:
        reason = "too many passwords at once"
        raise OAuthError("temporarily_unavailable", "try again later", reason=reason) from None


def _matches(phc: str, password: bytes) -> bool:
    try:
        Argon2id.verify_phc_encoded(password, phc)
    except InvalidKey:
        return False
    return True


@cache
def _threads(whose: str) -> ThreadPoolExecutor:
    """Return this process's threads; first asked for after the fork."""
    return ThreadPoolExecutor(CONCURRENT, f"argon2id-{whose}")
