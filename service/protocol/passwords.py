"""Argon2id hashes (RFC 9106) of passwords and human-chosen client secrets, computed in threads, a few at a time.

This is the only module outside of keys and bags that uses cryptography. It does not touch tokens.
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
"""Hashes that run at once in one process, for users and for clients each. One hash takes about 0.1 s and 19 MiB."""
PATIENCE = 2.0
"""Seconds after which a hash that is not finished is given up."""
MAX_MEMORY_KIB = 1024 * 1024

_PHC = re.compile(r"\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,4}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}")


def hash(password: str) -> str:
    """Return a new Argon2id hash of `password`, as a PHC string. This takes about 0.1 s."""
    hasher = Argon2id(salt=os.urandom(16), length=32, iterations=2, lanes=1, memory_cost=19 * 1024)
    return hasher.derive_phc_encoded(password.encode("utf-8"))


def check_phc(phc: str) -> str:
    """Return `phc` if `verify` can use it.

    Raises:
        ValueError: `phc` is not a PHC string of Argon2id, or needs more than 1 GiB of memory.
    """
    parameters = _PHC.fullmatch(phc)
    if parameters is None:
        raise ValueError("is not a PHC string of Argon2id ($argon2id$v=19$m=…,t=…,p=…$salt$hash)")
    memory, iterations, lanes = map(int, parameters.groups())
    if not (lanes >= 1 and iterations >= 1 and 8 * lanes <= memory <= MAX_MEMORY_KIB):
        raise ValueError("has Argon2id parameters out of range")
    return phc


async def verify(phc: str, password: str, whose: str = "people") -> bool:
    """Return whether `phc` is a hash of `password`.

    If the name is unknown, the caller passes the hash of another name, so timing does not reveal which names exist.
    `whose` selects the threads: users and clients have threads of their own, so that clients do not delay logins.

    Raises:
        OAuthError: temporarily_unavailable: the hash was not finished after PATIENCE seconds.
    """
    turn = asyncio.get_running_loop().run_in_executor(_threads(whose), _matches, phc, password.encode("utf-8"))
    try:
        return await asyncio.wait_for(turn, PATIENCE)
    except TimeoutError:
        reason = "too many Argon2id hashes at once"
        raise OAuthError("temporarily_unavailable", "try again later", reason=reason) from None


def _matches(phc: str, password: bytes) -> bool:
    try:
        Argon2id.verify_phc_encoded(password, phc)
    except InvalidKey:
        return False
    return True


@cache
def _threads(whose: str) -> ThreadPoolExecutor:
    """Return the threads of this process. The first call comes after the fork."""
    return ThreadPoolExecutor(CONCURRENT, f"argon2id-{whose}")
