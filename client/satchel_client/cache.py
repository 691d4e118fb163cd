"""Tokens that have been checked, by the SHA-256 of their text, so that no token lies in memory."""

from threading import Lock

from satchel_client.access_token import AccessToken


class Cache:
    """At most `capacity` tokens; those least recently kept go first."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._entries: dict[bytes, tuple[AccessToken, float]] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, digest: bytes, now: float) -> AccessToken | None:
        """Return what was kept of the token with this digest, if it is to be believed still at `now`."""
        entry = self._entries.get(digest)
        return entry[0] if entry is not None and now < entry[1] else None

    def keep(self, digest: bytes, token: AccessToken, until: float) -> None:
        """Keep what a token says until `until` (seconds, of the clock that `get` is asked by)."""
        with self._lock:
            self._entries.pop(digest, None)
            while len(self._entries) >= max(self.capacity, 1):
                del self._entries[next(iter(self._entries))]
            if self.capacity > 0:
                self._entries[digest] = (token, until)
