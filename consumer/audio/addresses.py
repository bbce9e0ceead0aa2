"""Which network addresses a web reference may lead to."""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from consumer.audio.reference import forbidden
from consumer.errors import TransientError

Address = IPv4Address | IPv6Address
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: carries an IPv4 address in its last 32 bits


def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of `host` that may be connected to, in the resolver's order.

    The caller must connect to one of these, not to the name: a second look-up may answer
    differently (DNS rebinding). Raises PermanentError(REFERENCE_FORBIDDEN) if there is none, and
    TransientError if the name cannot be resolved now.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TransientError(f"the name {host} cannot be resolved: {error}") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    permitted = [text for text in addresses if is_permitted(text, allow_private=allow_private)]
    if not permitted:
        raise forbidden(
            host,
            "its address is private, loopback or link-local (for hosts of your own network set "
            "allow_private_hosts; link-local ones are never read, for cloud metadata lives there)",
        )
    return permitted


def is_permitted(text: str, *, allow_private: bool) -> bool:
    """Whether the IP address `text` may be connected to."""
    address = _inner(ip_address(text.partition("%")[0]))
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return allow_private or address.is_global


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, if any."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
