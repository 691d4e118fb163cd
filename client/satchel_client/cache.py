"""A cache of verified tokens. The key is the SHA-256 of the token, so the cache does not contain tokens."""

from threading import Lock

from satchel_client.access_token import AccessToken


class Cache:
    """A cache of at most `capacity` tokens. When it is full, the oldest entry is removed."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._entries: dict[bytes, tuple[AccessToken, float]] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, digest: bytes, now: float) -> AccessToken | None:
        """Return the token with this digest, or None if there is none that is valid at `now`."""
        entry = self._entries.get(digest)
        return entry[0] if entry is not None and now < entry[1] else None

    def keep(self, digest: bytes, token: AccessToken, until: float) -> None:
        """Store a token until `until`, in seconds of the clock that `get` uses."""
        with self._lock:
            self._entries.pop(digest, None)
            while len(self._entries) >= max(self.capacity, 1):
                del self._entries[next(iter(self._entries))]
            if self.capacity > 0:
                self._entries[digest] = (token, until)
