"""What every decision is made with."""

from collections.abc import Mapping
from typing import NamedTuple

from service.bags.snapshot import Snapshot
from service.grants import GRANTS, GrantFunction
from service.memory import Memory
from service.protocol.ports import Ports
from service.protocol.registry import Registry


class Desk(NamedTuple):
    """One configuration and one view of the keys, taken once per request; the memory and the ports to the outside."""

    registry: Registry
    snapshot: Snapshot
    memory: Memory
    ports: Ports
    grants: Mapping[str, GrantFunction] = GRANTS


class Incoming(NamedTuple):
    """A request as any transport brings it: the form body, and what came beside it.

    `authorization`, `dpop` and `accept` are header values; `certificate` is the client's (DER), vouched for by a proxy.
    """

    body: bytes
    authorization: str | None = None
    dpop: str | None = None
    certificate: bytes | None = None
    accept: str | None = None
