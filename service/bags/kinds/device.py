"""Bags of the device flow (RFC 8628)."""

from typing import Any, ClassVar

from service.bags.kinds.bag import Bag
from service.bags.kinds.tokens import Grant


class DeviceCode(Bag, frozen=True, array_like=True, tag=9):
    """A device code (RFC 8628 section 3.2); `scope` is what may be granted, `user_code` what a person enters."""

    TYP: ClassVar[str] = "device+bag"

    client_id: str
    scope: str
    resources: tuple[str, ...] = ()
    memory: str = ""
    cnf: dict[str, str] = {}
    authorization_details: list[dict[str, Any]] = []
    user_code: str = ""
    resource_named: bool = False


class DeviceApproval(Bag, frozen=True, array_like=True, tag=10):
    """The user's decision about a device, as it is stored in the memory. Without a grant, the user denied access."""

    TYP: ClassVar[str] = "approval+bag"

    grant: Grant | None = None
