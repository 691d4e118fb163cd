"""One-time ids: ids that the memory stores at their first use and refuses afterwards, until their bag has expired."""

import msgspec

from service.protocol.errors import OAuthError


class OneTimeId(msgspec.Struct, frozen=True):
    """An id that is spent before tokens are issued. A second request with the same id gets `refusal`.

    `until` is the end of storage, in seconds since the epoch. `use` is the memory's class of use, and the id takes a
    place in the share of each of `owners` (service/memory/quota.py).
    """

    id: str
    until: int
    use: str
    refusal: OAuthError
    owners: tuple[str, ...] = ()


def replay_id(use: str, *parts: str) -> str:
    """Return the one-time id for names that other parties choose, such as the `iss` and `jti` of an assertion.

    The parts are encoded as a JSON array, so different parts never give the same id (attack 60).
    """
    return f"{use}:{msgspec.json.encode(parts).decode()}"
