"""What every decision is made with."""

from collections.abc import Mapping
from typing import NamedTuple

from service.bags.snapshot import Snapshot
from service.decisions.incoming import Incoming, Judged
from service.grants import GrantFunction
from service.memory import Memory
from service.protocol.ports import Ports
from service.protocol.registry import Registry
from service.protocol.remembered import Remembered

__all__ = ["Desk", "Incoming"]


class Desk(NamedTuple):
    """One configuration and one view of the keys, taken once per request; the memory and the ports to the outside."""

    registry: Registry
    snapshot: Snapshot
    memory: Memory
    ports: Ports
    grants: Mapping[str, GrantFunction]
    repeats: Remembered[Judged]
