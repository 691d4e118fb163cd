"""Judgements that stand under a digest of what was judged, so that no secret is kept, and for a time."""

from typing import Generic, Protocol, TypeVar

_KEPT = 1000


class Lasting(Protocol):
    """Something that holds until an instant, in seconds since the epoch."""

    @property
    def until(self) -> float: ...


L = TypeVar("L", bound=Lasting)


class BoundedCache(Generic[L]):
    """At most a thousand judgements; the oldest goes first."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[bytes, L] = {}

    def find(self, digest: bytes, now: float) -> L | None:
        """Return the judgement under `digest`, if there is one that holds at `now`."""
        kept = self._kept.get(digest)
        return kept if kept is not None and now < kept.until else None

    def keep(self, digest: bytes, judgement: L) -> None:
        """Keep a judgement."""
        if len(self._kept) >= _KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[digest] = judgement
