"""Files that contain secrets: their permissions, and atomic writing (POSIX.1-2017 rename, fsync).

These permissions are accepted:

- A file belongs to the user of this process or to root. Others may not read, write or execute it, and its group may not
  write it.
- Its group may read it only if this process reads it through its group: the file belongs to root and the process is not
  root. This allows Kubernetes (`fsGroup` gives a mounted secret to root with mode 0440) and systemd (a credential
  belongs to root, with an access list that shows as group bits). A file of one's own with mode 0640 is refused.
- The directory has the same owner; others may not enter it, and its group may not write it. On a read-only mount (where
  Kubernetes shows mode 1777) every mode is accepted, because nobody can add files and each file is checked.
- A symbolic link may lead to a file inside the directory, as in a Kubernetes volume, and nowhere else.
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
    """A file or directory of keys is refused. `reason` says why and contains nothing of the file."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def refusal(status: os.stat_result, uid: int) -> str | None:
    """Return why a process of user `uid` must not trust this file or directory; None if it may."""
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid not in (0, uid):
        return f"is owned by uid {status.st_uid}, which is neither root nor this process's uid {uid}"
    shown = f"(mode {mode:04o})"
    if stat.S_ISDIR(status.st_mode):
        return f"is accessible to other users {shown}; run chmod {DIRECTORY_MODE:o}" if mode & 0o027 else None
    if mode & 0o037:
        return f"is accessible to other users {shown}; run chmod {FILE_MODE:o}"
    if mode & 0o040 and status.st_uid == uid:
        return f"is readable by its group {shown}; run chmod {FILE_MODE:o}"
    return None


def check_directory(path: Path) -> None:
    """Check that `path` is a directory that only trusted users can change; raises KeyStoreError."""
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
    """Return the content of `path`, at most 64 KiB; raises KeyStoreError if it is unreadable or not to be trusted.

    `path` may be a symbolic link within the directory `inside`.
    """
    try:
        target = path.resolve(strict=True)
        if not target.is_relative_to(inside.resolve(strict=True)):
            raise KeyStoreError(path, f"leads out of {inside}")
        # The open file is checked, so it cannot be replaced after the check. O_NONBLOCK: a FIFO must not block.
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
    """Write `content` to `path` atomically, and sync it to the disk; raises KeyStoreError."""
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
    """Delete `path`, and sync the directory to the disk; raises KeyStoreError."""
    try:
        path.unlink(missing_ok=True)
        _sync_directory(path.parent)
    except OSError as error:
        raise KeyStoreError(path, _why(error)) from None


def delete_temporaries(directory: Path) -> None:
    """Delete the temporary files of a writer that was killed. Call this under the lock."""
    for path in directory.glob(".*.tmp"):
        delete(path)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock on `path`; raises KeyStoreError if another process holds it for 10 seconds.

    The lock ends with its process, even if that is killed.
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
                    raise KeyStoreError(path, "is locked by another process that changes the keys; try again") from None
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
