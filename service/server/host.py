"""What connections ask of the worker that has accepted them."""

import asyncio
from collections.abc import Mapping
from logging import Logger
from typing import Any, Protocol


class Host(Protocol):
    """A worker. `patience` is in seconds; the limits are in bytes (`line_limit`, `field_limit`) and in fields.

    `endpoints` are the paths for which `application.answer` takes a request that is there as a whole.
    """

    accepting: bool
    application: Any
    endpoints: Mapping[str, Any]
    field_limit: int
    fields_limit: int
    line_limit: int
    log: Logger
    loop: asyncio.AbstractEventLoop
    open: set[Any]
    patience: float
    refused: int
    state: dict[str, Any]
    worker_connections: int
