"""Trusted proxies: forwarded headers are read only from the addresses in `proxies.trusted`."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from service.config import Proxies


class TrustedProxies:
    """The addresses and networks of trusted proxies."""

    def __init__(self, proxies: Proxies) -> None:
        self._networks = [ip_network(network) for network in proxies.trusted]

    def sent(self, scope: dict[str, Any]) -> bool:
        """Return whether the request in `scope` (ASGI) comes from a trusted proxy."""
        return bool(self._networks) and self._trusted(_address(_peer(scope)))

    def address(self, scope: dict[str, Any]) -> str:
        """Return the address of the client: the peer, or what trusted proxies say in X-Forwarded-For.

        Each proxy appends to X-Forwarded-For. Read from the right, the first address that is not a trusted proxy is the
        client; the entries left of it are not trustworthy. For a Unix socket the result is empty.
        """
        text = _peer(scope)
        if not self._networks or not self.sent(scope):
            return text
        lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        for claimed in reversed(b",".join(lines).decode("latin-1").split(",")):
            address = _address(claimed.strip(" \t"))
            if address is None:
                break
            text = str(address)
            if not self._trusted(address):
                break
        return text

    def _trusted(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def _peer(scope: dict[str, Any]) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
