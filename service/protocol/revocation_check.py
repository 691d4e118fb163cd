"""Whether a token or bag is revoked: the memory entries of revocations (RFC 7009) and not-befores."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


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
            _REVOKED + (jti or family),
            _REVOKED + (family or jti),
            NOT_BEFORE_ALL,
            _NOT_BEFORE_CLIENT + client_id,
            _NOT_BEFORE_SUBJECT + sub,
        )

    def stands(self, values: Sequence[bytes | None]) -> bool:
        """Return whether it is not revoked, given the values of `ids`. A not-before revokes its own second too."""
        return (
            values[0] is None
            and values[1] is None
            and not any(value and self.issued <= int(value) for value in values[2:])
        )


_REVOKED, _NOT_BEFORE_CLIENT, _NOT_BEFORE_SUBJECT = "revoked:", "nbf:client:", "nbf:sub:"
NOT_BEFORE_ALL = "nbf:all"


def revoked(id: str) -> str:
    """Return the entry that revokes a token (by its `jti`) or a whole family."""
    return _REVOKED + id


def not_before_client(client_id: str) -> str:
    """Return the entry of a client's not-before: everything issued to the client until then is revoked."""
    return _NOT_BEFORE_CLIENT + client_id


def not_before_subject(sub: str) -> str:
    """Return the entry of a subject's not-before: everything issued for the subject until then is revoked."""
    return _NOT_BEFORE_SUBJECT + sub


def all_ids(checks: Iterable[RevocationCheck]) -> list[str]:
    """Return the ids of all `checks`, in order, for one read of the memory."""
    return [id for check in checks for id in check.ids]


def all_stand(checks: Sequence[RevocationCheck], values: Sequence[bytes | None]) -> bool:
    """Return whether none of `checks` is revoked, given the values of `all_ids`."""
    if values.count(None) == len(values):
        return True
    each = len(values) // (len(checks) or 1)
    return all(check.stands(values[each * n : each * (n + 1)]) for n, check in enumerate(checks))
