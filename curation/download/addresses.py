"""Which network addresses may be connected to: those on the public internet, whatever form they are written in."""

import ipaddress
import socket
from collections.abc import Collection
from typing import Any

from curation.download.rejection import RejectedError
from curation.reasons import Reason

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Endpoint = tuple[socket.AddressFamily, tuple[Any, ...]]
"""What a socket needs to connect: the family, and an address in that family's own form."""

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NEVER = (
    ipaddress.IPv4Network("192.0.0.0/24"),  # protocol assignments; one cloud's metadata service is at .192
    ipaddress.IPv4Network("192.88.99.0/24"),  # 6to4 relays
    ipaddress.IPv4Network("168.63.129.16/32"),  # another cloud's host agent, on an address that looks public
)


def is_public(address: IPAddress) -> bool:
    """Whether `address` is on the public internet; an IPv6 form that carries an IPv4 address counts as that one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and not any(address in network for network in _NEVER)
    inner = _carried(address)
    if inner is not None:
        return is_public(inner)
    return address in _GLOBAL_UNICAST and address.is_global


def resolve(host: str, port: int, allow_hosts: Collection[str]) -> list[Endpoint]:
    """The addresses of `host`, every one of them checked.

    A host is refused for a single address that is not public: an honest one has none, and the verdict must not
    hang on the order in which a resolver lists them.

    Args:
        host: name or address, as in the URL.
        port: TCP port.
        allow_hosts: hosts whose addresses are not checked.

    Raises:
        RejectedError: `blocked_address`.
        socket.gaierror: the name has no address.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses: list[Endpoint] = [(family, address) for family, _, _, _, address in found]
    if host not in allow_hosts:
        for _, (name, *_) in addresses:
            if not is_public(ipaddress.ip_address(str(name).partition("%")[0])):
                raise RejectedError(Reason.BLOCKED_ADDRESS, f"{host} is at an address that is not public")
    return addresses


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
