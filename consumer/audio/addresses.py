"""Which network addresses a web reference may lead to."""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from consumer.audio.reference import forbidden
from consumer.errors import TransientError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# They carry an IPv4 address in their last 32 bits.
_TRANSLATED = (
    IPv6Network("64:ff9b::/96"),  # NAT64, RFC 6052
    IPv6Network("64:ff9b:1::/48"),  # NAT64 of one's own, RFC 8215: nearly always a /96 of it
    IPv6Network("::ffff:0:0:0/96"),  # SIIT, RFC 2765
    IPv6Network("::/96"),  # "IPv4-compatible", RFC 4291 2.5.5.1
)
# Not public, whatever the standard library of this version says of them.
_PRIVATE: tuple[Network, ...] = (
    ip_network("192.0.0.0/24"),  # protocols' own, RFC 6890
    ip_network("fec0::/10"),  # site-local, RFC 3879
    *_TRANSLATED[1:],
)
# Where clouds hand out credentials, beside the link-local 169.254.0.0/16 and fe80::/10.
_METADATA: tuple[Network, ...] = (
    ip_network("fd00:ec2::/32"),  # AWS (also its pods' identities)
    ip_network("fd20:ce::254"),  # Google
    ip_network("168.63.129.16"),  # Azure
    ip_network("100.100.100.200"),  # Alibaba
    ip_network("192.0.0.192"),  # Oracle
)


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
            "allow_private_hosts; link-local ones and those of cloud metadata are never read)",
        )
    return permitted


def is_permitted(text: str, *, allow_private: bool) -> bool:
    """Whether the IP address `text` may be connected to."""
    outer = ip_address(text.partition("%")[0])
    address = _inner(outer)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if _lies_in(address, _METADATA):
        return False
    return allow_private or (
        address.is_global and not _lies_in(address, _PRIVATE) and not _lies_in(outer, _PRIVATE)
    )


def _lies_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, if any."""
    if isinstance(address, IPv6Address) and not (address.is_loopback or address.is_unspecified):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if _lies_in(address, _TRANSLATED):
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
