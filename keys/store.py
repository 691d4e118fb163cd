"""The directory of keys: one file per key, a JSON document with its JWK (RFC 7517), plain or as a JWE (RFC 7516).

Readers take no lock, so they work on read-only mounts and a stopped writer cannot block them. This is safe, because:

- A file is replaced by rename, so it is complete at all times.
- A writer first adds new keys from the oldest to the newest, then changes others from the newest to the oldest, then
  deletes. If it is killed after any of these steps, every chain that had an active key still has one.
- A reader compares the stamp of the directory before and after reading, and reads again if it has changed. So it never
  combines an earlier state of one file with a later state of another.

Writers hold a lock on a file in the directory while they load, change and save the ring.
"""

import os
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from keys.files import (
    DIRECTORY_MODE,
    KeyStoreError,
    check_directory,
    delete,
    delete_temporaries,
    exclusive,
    read_secret,
    write_secret,
)
from keys.key import KINDS, Key
from keys.master import unwrap, wrap
from keys.ring import Ring

_PLAIN, _WRAPPED = ".json", ".jwe"
_READS = 50


class _Document(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    purpose: str
    kid: str
    alg: str
    created: int
    activates: int
    retires: int
    expires: int
    jwk: dict[str, str]


class KeyStore:
    """The keys in `directory`, encrypted if there is a `master_key` (32 bytes). Files with other names are ignored."""

    def __init__(self, directory: Path, master_key: bytes | None = None) -> None:
        self.directory = directory
        self._master_key = master_key

    def load(self, *, accept_plain: bool = False) -> Ring:
        """Return a consistent ring.

        Raises KeyStoreError with the first file (or the directory) that is accessible to other users, belongs to
        another user, is incomplete, or is not the key that its name says. If there is a master key, plain files are
        refused, because anybody who can write a file could add a key; `accept_plain` accepts them for `--rewrap`.
        """
        for _ in range(_READS):
            before = self.stamp()
            try:
                ring = self._load(accept_plain)
            except KeyStoreError:
                if self.stamp() == before:
                    raise
            else:
                if self.stamp() == before:
                    return ring
            time.sleep(0.02)
        raise KeyStoreError(self.directory, "keeps changing while it is read; try again")

    def load_readable(self) -> tuple[Ring, frozenset[str]]:
        """The keys of the files that can be read, and the kids of those that cannot. Raises KeyStoreError for the
        directory itself."""
        for _ in range(_READS):
            before = self.stamp()
            keys: dict[str, Key] = {}
            unreadable: set[str] = set()
            for path in self._paths():
                try:
                    keys[path.stem] = self._decode(path, accept_plain=False)
                except KeyStoreError:
                    unreadable.add(path.stem)
            if self.stamp() == before:
                return Ring(keys.values()), frozenset(unreadable - keys.keys())
            time.sleep(0.02)
        raise KeyStoreError(self.directory, "keeps changing while it is read; try again")

    def save(self, ring: Ring) -> None:
        """Write `ring` to the directory and delete all other keys. Call this inside `lock()`. Raises KeyStoreError."""
        check_directory(self.directory)
        delete_temporaries(self.directory)
        stored = self._read(accept_plain=True)
        known = {key.kid for key in stored.values()}
        suffix = _WRAPPED if self._master_key else _PLAIN
        wanted = {self.directory / f"{key.kid}{suffix}": key for key in ring.keys}
        added = [path for path, key in wanted.items() if key.kid not in known]
        others = [path for path in wanted if path not in added]
        for path in [*reversed(added), *others]:
            if stored.get(path) != wanted[path]:
                write_secret(path, self._encode(wanted[path]))
        for path in stored.keys() - wanted.keys():
            delete(path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of the directory, which is created if it does not exist.

        Raises KeyStoreError if the directory is not writable, or another writer holds the lock for 10 seconds.
        """
        try:
            self.directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise KeyStoreError(self.directory, f"cannot be created: {error.strerror}") from None
        check_directory(self.directory)
        with exclusive(self.directory / ".lock"):
            yield

    def stamp(self) -> Hashable:
        """Return a value that changes with every change of a key file, its mode or its owner. No file is read."""
        seen = []
        try:
            about = self.directory.stat()
            with os.scandir(self.directory) as entries:
                for entry in entries:
                    if _is_key_file(entry.name):
                        try:
                            status = entry.stat()
                        except OSError:
                            seen.append((entry.name, 0, 0, 0, 0))
                            continue
                        changed = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
                        seen.append((entry.name, *changed))
        except OSError:
            return None
        return about.st_mode, about.st_uid, frozenset(seen)

    def _load(self, accept_plain: bool) -> Ring:
        keys = self._read(accept_plain)
        # An interrupted --rewrap leaves a key in both forms, with the same contents.
        return Ring({key.kid: key for key in keys.values()}.values())

    def _read(self, accept_plain: bool) -> dict[Path, Key]:
        return {path: self._decode(path, accept_plain) for path in self._paths()}

    def _paths(self) -> list[Path]:
        check_directory(self.directory)
        try:
            return sorted(path for path in self.directory.iterdir() if _is_key_file(path.name))
        except OSError as error:
            raise KeyStoreError(self.directory, f"cannot be read: {error.strerror}") from None

    def _encode(self, key: Key) -> bytes:
        document = msgspec.json.encode(
            _Document(
                purpose=key.purpose,
                kid=key.kid,
                alg=key.alg,
                created=key.created,
                activates=key.activates,
                retires=key.retires,
                expires=key.expires,
                jwk=key.secret_jwk(),
            )
        )
        return wrap(document, self._master_key) if self._master_key else document

    def _decode(self, path: Path, accept_plain: bool) -> Key:
        content = read_secret(path, self.directory)
        try:
            if path.suffix == _WRAPPED:
                if self._master_key is None:
                    raise ValueError("is encrypted; set keys.master_key_file")
                content = unwrap(content, self._master_key)
            elif self._master_key and not accept_plain:
                raise ValueError("is not encrypted; run `python -m keys rotate --rewrap`")
            document = msgspec.json.decode(content, type=_Document)
            key = _key(document)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise KeyStoreError(path, "is incomplete or not a key file") from None
        except ValueError as error:
            raise KeyStoreError(path, str(error)) from None
        if key.kid != path.stem:
            raise KeyStoreError(path, "contains a key with another kid than its name")
        return key


def _key(document: _Document) -> Key:
    kind = KINDS.get(document.purpose)
    if kind is None:
        raise ValueError("has an unknown purpose")
    fields = {name: getattr(document, name) for name in ("alg", "kid", "created", "activates", "retires", "expires")}
    return kind.from_jwk(document.jwk, **fields)


def _is_key_file(name: str) -> bool:
    return not name.startswith(".") and name.endswith((_PLAIN, _WRAPPED))
