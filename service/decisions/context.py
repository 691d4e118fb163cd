"""The context of a decision: configuration, keys, memory, ports."""

from collections.abc import Mapping
from typing import NamedTuple

from service.bags.snapshot import Snapshot
from service.clients.registry import Registry
from service.decisions.form_request import CachedPlan
from service.grants import GrantFunction
from service.memory import Memory
from service.protocol.bounded_cache import BoundedCache
from service.protocol.ports import Ports


class Context(NamedTuple):
    """What a decision is made with. It is taken once per request, so configuration and keys do not change in between.

    repeats: the cached plans of repeated token requests.
    """

    registry: Registry
    snapshot: Snapshot
    memory: Memory
    ports: Ports
    grants: Mapping[str, GrantFunction]
    repeats: BoundedCache[CachedPlan]
