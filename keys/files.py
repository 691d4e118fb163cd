"""Files that hold secrets: who may read them, and how they are written whole (POSIX.1-2017 rename, fsync).

Which modes are accepted:

- a file is owned by this process's user or by root; nobody else may read, write or run it, and its group may not write;
- its group may read it only where that is how this process itself reads it: the file is root's and the process is not.
  So Kubernetes (`fsGroup` makes a mounted secret root's with mode 0440) and systemd (a credential is root's, with an
  access list whose mask shows as group bits) work, and a 0640 file of one's own is refused;
- the directory is owned alike, nobody else may enter it and its group may not write; a directory on a read-only mount
  (where Kubernetes shows mode 1777) is accepted with any mode, since nobody can add to it and each file is checked;
- a symbolic link may lead anywhere inside the directory, as in a Kubernetes volume, and nowhere else.
"""

import contextlib
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
_LIMIT = 65_536
_LOCK_WAIT = 10.0


class KeyStoreError(Exception):
    """A file or directory of keys was refused: `path`, and the `reason` without a word of its content."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def refusal(status: os.stat_result, uid: int) -> str | None:
    """Why a process of user `uid` must not trust this file or directory; None if it may."""
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid not in (0, uid):
        return f"is owned by uid {status.st_uid}, which is neither root nor this process's uid {uid}"
    shown = f"(mode {mode:04o})"
    if stat.S_ISDIR(status.st_mode):
        return f"lets others in {shown}: chmod {DIRECTORY_MODE:o}" if mode & 0o027 else None
    if mode & 0o037:
        return f"is open to others {shown}: chmod {FILE_MODE:o}"
    if mode & 0o040 and status.st_uid == uid:
        return f"may be read by its group {shown}: chmod {FILE_MODE:o}"
    return None


def check_directory(path: Path) -> None:
    """Raises KeyStoreError unless `path` is a directory that only trusted users can change."""
    try:
        status = path.stat()
        read_only = os.statvfs(path).f_flag & os.ST_RDONLY
    except OSError as error:
        raise KeyStoreError(path, _why(error)) from None
    if not stat.S_ISDIR(status.st_mode):
        raise KeyStoreError(path, "is not a directory")
    reason = refusal(status, os.geteuid())
    if reason and not read_only:
        raise KeyStoreError(path, reason)


def read_secret(path: Path, inside: Path) -> bytes:
    """The content of `path`, at most 64 KiB; raises KeyStoreError if it cannot be read or must not be trusted."""
    try:
        target = path.resolve(strict=True)
        if not target.is_relative_to(inside.resolve(strict=True)):
            raise KeyStoreError(path, f"leads out of {inside}")
        # What is checked is the open file, so nothing can be put in its place in between; a FIFO must not stop us.
        descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise KeyStoreError(path, "is not a regular file")
            if reason := refusal(status, os.geteuid()):
                raise KeyStoreError(path, reason)
            content = file.read(_LIMIT + 1)
    except (OSError, RuntimeError) as error:
        raise KeyStoreError(path, _why(error)) from None
    if len(content) > _LIMIT:
        raise KeyStoreError(path, f"is larger than {_LIMIT} bytes")
    return content


def write_secret(path: Path, content: bytes) -> None:
    """Puts `content` at `path`: wholly or, whatever fails, not at all; on the disk when it returns."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        with open(descriptor, "wb") as file:  # noqa: PTH123
            os.fchmod(descriptor, FILE_MODE)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise KeyStoreError(path, _why(error)) from None


def delete(path: Path) -> None:
    """Removes `path`, on the disk when it returns."""
    try:
        path.unlink(missing_ok=True)
        _sync_directory(path.parent)
    except OSError as error:
        raise KeyStoreError(path, _why(error)) from None


def delete_temporaries(directory: Path) -> None:
    """Removes what a writer that was killed has left: call it under the lock."""
    for path in directory.glob(".*.tmp"):
        delete(path)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds the lock on `path` against every other process; raises KeyStoreError if it is not to be had within 10 s.

    The lock ends with the process that holds it, however that ends.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise KeyStoreError(path, _why(error)) from None
    try:
        deadline = time.monotonic() + _LOCK_WAIT
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise KeyStoreError(path, "is held by another process that is changing the keys") from None
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _why(error: Exception) -> str:
    return f"cannot be used: {error.strerror if isinstance(error, OSError) else error}"
