"""A cache of results. The key is a digest of the input, so the cache holds no secret."""

from typing import Generic, Protocol, TypeVar

_KEPT = 1000


class Lasting(Protocol):
    """A result that is valid before `until`, in seconds since the epoch."""

    @property
    def until(self) -> float: ...


L = TypeVar("L", bound=Lasting)


class BoundedCache(Generic[L]):
    """A cache of at most 1,000 results. When the cache is full, the oldest entry makes room."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[bytes, L] = {}

    def find(self, digest: bytes, now: float) -> L | None:
        """Return the result under `digest`, or None if there is none that is valid at `now` (seconds)."""
        kept = self._kept.get(digest)
        return kept if kept is not None and now < kept.until else None

    def keep(self, digest: bytes, result: L) -> None:
        """Store `result` under `digest`."""
        if len(self._kept) >= _KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[digest] = result
