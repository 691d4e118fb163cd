"""Room on the disk for the embedded memory: how long its log may get, and a reserve that nobody else can take.

The file grows when its log is moved into it. A full disk with a long log would therefore stay full for ever: the log
cannot be moved, and as long as it is not moved, expired entries cannot be deleted. So the log is moved early on a small
volume, and a file without contents keeps room for moving it once and for revocations. When the disk is full, that room
is given up: ordinary entries are refused, expired ones are deleted, and the reserve is filled again as soon as it fits.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import structlog

_LOG = 64 << 20  # bytes of the longest log, on a large volume
_SHARE = 10  # part of a small volume that the log may have
_MORE = 8 << 20  # bytes of the reserve beyond the longest log
_SMALL = 1 << 30  # bytes of a volume on which the reserve is taken at once, and not when the log is moved first


class Room:
    """The room of the file at `path`, whose directory exists. Sizes are in bytes.

    The log is moved beside the puts from `log_early` on, so that writers wait from `log_long` on, by a put itself from
    `log_late` on; beyond `log_limit` ordinary entries are refused. The reserve is larger than the longest log, so the
    log can always be moved.
    """

    def __init__(self, path: Path) -> None:
        self._log = f"{path}-wal"
        self._reserve = f"{path}.reserve"
        self._volume = path.parent
        volume = os.statvfs(self._volume)
        size = volume.f_blocks * volume.f_frsize
        self.log_limit = min(_LOG, size // _SHARE)
        self.log_early, self.log_long, self.log_late = (self.log_limit * n // 4 for n in (1, 2, 3))
        self._whole = self.log_limit + min(self.log_limit, _MORE)
        if size < _SMALL:
            self.fill()

    def log_size(self) -> int:
        """Return the size of the log."""
        with contextlib.suppress(FileNotFoundError):
            return os.stat(self._log).st_size  # noqa: PTH116 - on the path of every put
        return 0

    @property
    def scarce(self) -> bool:
        """Whether the reserve was given up, by this process or another."""
        return self._held() == 0

    def give_up(self) -> bool:
        """Give the reserve up; return whether there was one."""
        held = self._held()
        if not held:
            return False
        os.truncate(self._reserve, 0)
        structlog.get_logger().error("memory disk full", reserve=self._reserve, given_up=held)
        return True

    def fill(self) -> None:
        """Take the reserve, if it fits."""
        held, volume = self._held(), os.statvfs(self._volume)
        if held == self._whole or volume.f_bavail * volume.f_frsize < self._whole:
            return
        new = f"{self._reserve}.{os.getpid()}"  # a reserve that is not whole yet would look like one that was given up
        with contextlib.suppress(OSError):
            file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(file, 0, self._whole)
                os.rename(new, self._reserve)  # noqa: PTH104
            except OSError:
                os.unlink(new)  # noqa: PTH108
                raise
            finally:
                os.close(file)
            if held is not None:
                structlog.get_logger().warning("memory disk has room again", reserve=self._reserve)

    def _held(self) -> int | None:
        """Return the size of the reserve: 0 where it was given up, None where it was never taken."""
        with contextlib.suppress(FileNotFoundError):
            return os.stat(self._reserve).st_size  # noqa: PTH116
        return None
