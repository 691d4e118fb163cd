"""What every decision is made with."""

from collections.abc import Mapping
from typing import NamedTuple

from service.bags.snapshot import Snapshot
from service.clients.registry import Registry
from service.decisions.form_request import Judged
from service.grants import GrantFunction
from service.memory import Memory
from service.protocol.bounded_cache import BoundedCache
from service.protocol.ports import Ports


class Context(NamedTuple):
    """One configuration and one view of the keys, taken once per request; the memory and the ports to the outside."""

    registry: Registry
    snapshot: Snapshot
    memory: Memory
    ports: Ports
    grants: Mapping[str, GrantFunction]
    repeats: BoundedCache[Judged]
