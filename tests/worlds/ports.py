"""Ports of loopback for the servers of the tests."""

import contextlib
import random
import socket

_DICE = random.SystemRandom()
_BUS = 10_000
"""How far above its port a node of a Redis cluster listens to the other nodes."""


def _free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


def free_port(bus: bool = False) -> int:
    """A port that nobody listens on; with `bus`, the one 10,000 above is free too.

    It is below those that the kernel gives to connections (32768 and above): one of these that is free now may be in
    use a moment later, and then another program answers in the place of the server.
    """
    while True:
        port = _DICE.randrange(20_000, 22_700) if bus else _DICE.randrange(22_700, 30_000)
        if _free(port) and (not bus or _free(port + _BUS)):
            return port
