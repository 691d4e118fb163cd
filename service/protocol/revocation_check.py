"""Whether what was granted still stands: revocations (RFC 7009) and not-befores, as ids of the memory."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class RevocationCheck(NamedTuple):
    """A bag whose authority must not have been called back; `issued` is its `iat` in seconds since the epoch.

    `jti` is empty where only the whole `family` can be revoked: a code, or a refresh token.
    """

    jti: str
    family: str
    client_id: str
    sub: str
    issued: int

    @property
    def ids(self) -> tuple[str, str, str, str, str]:
        """The entries that could have called it back."""
        jti, family, client_id, sub, _ = self
        return (
            _REVOKED + (jti or family),
            _REVOKED + (family or jti),
            NOT_BEFORE_ALL,
            _NOT_BEFORE_CLIENT + client_id,
            _NOT_BEFORE_SUBJECT + sub,
        )

    def stands(self, values: Sequence[bytes | None]) -> bool:
        """Tell whether it still stands, by the values of `ids`; within the second of a not-before it does not."""
        return (
            values[0] is None
            and values[1] is None
            and not any(value and self.issued <= int(value) for value in values[2:])
        )


_REVOKED, _NOT_BEFORE_CLIENT, _NOT_BEFORE_SUBJECT = "revoked:", "nbf:client:", "nbf:sub:"
NOT_BEFORE_ALL = "nbf:all"


def revoked(id: str) -> str:
    """The entry that says that a token (by its jti) or a whole family is revoked."""
    return _REVOKED + id


def not_before_client(client_id: str) -> str:
    """The entry of the instant up to which everything issued to a client is void."""
    return _NOT_BEFORE_CLIENT + client_id


def not_before_subject(sub: str) -> str:
    """The entry of the instant up to which everything issued for a subject is void."""
    return _NOT_BEFORE_SUBJECT + sub


def all_ids(checks: Iterable[RevocationCheck]) -> list[str]:
    """The ids of several, in order, for one round trip."""
    return [id for check in checks for id in check.ids]


def all_stand(checks: Sequence[RevocationCheck], values: Sequence[bytes | None]) -> bool:
    """Tell whether all of them stand, by the values of `all_ids`."""
    if values.count(None) == len(values):
        return True
    each = len(values) // (len(checks) or 1)
    return all(check.stands(values[each * n : each * (n + 1)]) for n, check in enumerate(checks))
