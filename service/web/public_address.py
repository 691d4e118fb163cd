"""Public addresses (RFC 6890): the only ones to which outgoing requests may go."""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# Addresses of these networks lead to the IPv4 address inside them: NAT64 (RFC 6052, RFC 8215).
_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")


class AddressRefused(Exception):
    """A server or its response is refused. The text is for the log."""


async def resolve(host: str, port: int, development: bool) -> list[Address]:
    """Return the addresses of `host`. All must be public; in `development`, loopback addresses are allowed too.

    Raises:
        AddressRefused: an address is not public.
        OSError: the name cannot be resolved.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))
    if not addresses or not all(is_public(one) or (development and one.is_loopback) for one in addresses):
        raise AddressRefused("the host has an address that is not public")
    return addresses


def is_public(address: Address) -> bool:
    """Return whether `address`, or the IPv4 address inside it, is on the public internet."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if address in _LOCAL_NAT64 or address.teredo is not None:
            return False
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast
