"""Whether a token or bag is revoked: the memory entries of revocations (RFC 7009) and not-befores.

A revocation is an entry of the rank REVOKED. The rank of a not-before is its instant.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from service.memory import REVOKED, Entry


class RevocationCheck(NamedTuple):
    """The facts of a token or bag that decide whether it is revoked; `issued` is its `iat`, in seconds since the epoch.

    `jti` is empty for codes and refresh tokens, of which only the whole `family` can be revoked.
    """

    jti: str
    family: str
    client_id: str
    sub: str
    issued: int

    @property
    def ids(self) -> tuple[str, str, str, str, str]:
        """The memory entries that could revoke it."""
        jti, family, client_id, sub, _ = self
        return (
            _STATE + (jti or family),
            _STATE + (family or jti),
            NOT_BEFORE_ALL,
            _NOT_BEFORE_CLIENT + client_id,
            _NOT_BEFORE_SUBJECT + sub,
        )

    def stands(self, entries: Sequence[Entry | None]) -> bool:
        """Return whether it is not revoked, given the entries of `ids`. A not-before revokes its own second too."""
        return all(entry is None or entry.rank < REVOKED for entry in entries[:2]) and not any(
            entry is not None and self.issued <= entry.rank for entry in entries[2:]
        )


_STATE, _NOT_BEFORE_CLIENT, _NOT_BEFORE_SUBJECT = "state:", "nbf:client:", "nbf:sub:"
NOT_BEFORE_ALL = "nbf:all"


def state_id(id: str) -> str:
    """Return the entry of a token (by its `jti`), of a family or of a session (by its `sid`).

    Its rank is REVOKED once the token, family or session is revoked. The entry of a family that rotates has its
    generation as rank until then (decisions/token/redeem.py).
    """
    return _STATE + id


def not_before_client(client_id: str) -> str:
    """Return the entry of a client's not-before: everything issued to the client until then is revoked."""
    return _NOT_BEFORE_CLIENT + client_id


def not_before_subject(sub: str) -> str:
    """Return the entry of a subject's not-before: everything issued for the subject until then is revoked."""
    return _NOT_BEFORE_SUBJECT + sub


def all_ids(checks: Iterable[RevocationCheck]) -> list[str]:
    """Return the ids of all `checks`, in order, for one read of the memory."""
    return [id for check in checks for id in check.ids]


def all_stand(checks: Sequence[RevocationCheck], entries: Sequence[Entry | None]) -> bool:
    """Return whether none of `checks` is revoked, given the entries of `all_ids`."""
    if entries.count(None) == len(entries):
        return True
    each = len(entries) // (len(checks) or 1)
    return all(check.stands(entries[each * n : each * (n + 1)]) for n, check in enumerate(checks))
