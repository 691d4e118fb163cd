"""What may be used once: ids that the memory keeps until their bag would have expired anyway."""

import msgspec

from service.protocol.errors import OAuthError


class OneTimeId(msgspec.Struct, frozen=True):
    """An id to be spent before anything is issued; `refusal` is raised for whoever comes second.

    `until` is in seconds since the epoch; `use` is the memory's class of use.
    """

    id: str
    until: int
    use: str
    refusal: OAuthError


def replay_id(use: str, *parts: str) -> str:
    """The id of something that others named, such as an assertion's `jti` under its `iss`.

    The parts are encoded as a JSON array, so that no choice of them can imitate another (attack 60).
    """
    return f"{use}:{msgspec.json.encode(parts).decode()}"
