"""Keeping the log of the embedded memory short, and a full disk from staying full."""

from __future__ import annotations

import asyncio
from pathlib import Path

from service.memory.embedded_contents import Contents
from service.memory.embedded_file import MemoryFile
from service.memory.embedded_room import Room
from service.memory.embedded_upkeep import checkpoint


class Space:
    """What one worker does for the space of the file at `path`. To be used by one thread."""

    def __init__(self, path: Path, contents: Contents) -> None:
        self._path = path
        self._contents = contents
        self._moving: asyncio.Future[None] | None = None

    def written(self, room: Room) -> None:
        """Move the log if it has become long: in a thread, or at once where the thread is too slow."""
        size = room.log_size()
        if size > room.log_early and (self._moving is None or self._moving.done()):
            self._moving = asyncio.get_running_loop().run_in_executor(None, self._move_log, room)
        if size > room.log_late:
            checkpoint(self._path, room.log_long)

    def _move_log(self, room: Room) -> None:
        checkpoint(self._path, room.log_long)
        room.fill()

    def is_open(self, file: MemoryFile) -> bool:
        """Tell whether ordinary entries may be put: not while the log cannot be moved, or the disk is full.

        Where they may not, the next expired entries are deleted. Raises `sqlite3.Error`.
        """
        room = file.room
        if room.log_size() > room.log_limit and not checkpoint(self._path, room.log_long):
            return False
        if not room.scarce:
            return True
        self._contents.sweep(file.connection, file.times)
        room.fill()
        return not room.scarce or self._contents.has_free_pages(file.connection)

    def relieve(self, room: Room, *, reserved: bool) -> None:
        """Make room on a full disk: move the log, and give the reserve up if that fails or a `reserved` entry waits."""
        moved = checkpoint(self._path, 0)
        if (reserved or not moved) and room.give_up():
            checkpoint(self._path, 0)

    async def close(self) -> None:
        """Wait for the thread."""
        if self._moving is not None:
            await self._moving
