"""The listen backlog is the configured one: a burst of connections waits in the kernel, not for a retransmission."""

import asyncio
import socket
import struct
from types import SimpleNamespace
from typing import Any

from service.server.gunicorn_conf import backlog
from service.server.worker import Worker

MAX_BACKLOG = struct.Struct("@8B6I")
"""The beginning of Linux' tcp_info; of a listening socket, the last member is the longest queue (tcpi_sacked)."""


def test_the_backlog_is_kept() -> None:
    async def act() -> int:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(backlog)
            worker: Any = object.__new__(Worker)
            worker.loop, worker.cfg = asyncio.get_running_loop(), SimpleNamespace(backlog=backlog)
            given = SimpleNamespace(sock=listener, getsockname=listener.getsockname)
            server = await worker._listen(given)
            info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
            server.close()
            return int(MAX_BACKLOG.unpack_from(info)[-1])

    with open("/proc/sys/net/core/somaxconn") as limit:  # noqa: PTH123 - one number of the kernel's
        assert asyncio.run(act()) == min(backlog, int(limit.read()))
