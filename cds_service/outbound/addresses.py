"""Which addresses may be called.

Public unicast only, by the registries of special-purpose addresses of IANA
(https://www.iana.org/assignments/iana-ipv4-special-registry,
https://www.iana.org/assignments/iana-ipv6-special-registry), unless the operator names a
network. The tables are ours since ``ipaddress.is_global`` differs between releases of Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared (carrier NAT); a cloud's metadata stands here too
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, with the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, with broadcast
        "168.63.129.16/32",  # public by its number, but the host's own agent in Azure
    )
)
# Public IPv6 addresses are within 2000::/3; what is special in there:
_UNICAST_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, with Teredo and ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
# Where a cloud's own services answer a machine, credentials among them; no FHIR server is ever there.
_NEVER = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local: the metadata of most clouds, containers' credentials
        "fe80::/10",  # link-local
        "100.100.100.200/32",  # Alibaba Cloud, as cloud-init's documentation of AliYun says
        "168.63.129.16/32",  # Azure: learn.microsoft.com, "What is IP address 168.63.129.16?"
        "fd00:ec2::/32",  # AWS: EC2 user guide (::254), containers' credentials in the AWS SDKs (::23)
        "fd20:ce::/32",  # Google Cloud, reported; not seen in Google's own pages
    )
)
_EMBEDS_4 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))  # mapped; NAT64


@dataclass(frozen=True, slots=True)
class Reach:
    """Where calls may go: public addresses, and ``networks``; ``anywhere`` is for development.

    Link-local addresses and those of clouds' metadata are never called, whatever network holds them.
    """

    networks: tuple[Network, ...] = ()
    anywhere: bool = False

    @classmethod
    def of(cls, networks: Iterable[str]) -> Reach:
        """Public addresses and ``networks`` in CIDR notation. Raises ``ValueError``."""
        return cls(tuple(ip_network(network) for network in networks))

    @property
    def https_only(self) -> bool:
        """Only development speaks http."""
        return not self.anywhere

    def allows(self, text: str) -> bool:
        """Whether the address, as the resolver wrote it, may be called."""
        address = _plain(ip_address(text.partition("%")[0]))
        if _is_in(address, _NEVER):
            return False
        return self.anywhere or is_public(address) or _is_in(address, self.networks)


PUBLIC = Reach()
ANYWHERE = Reach(anywhere=True)


def is_public(address: Address) -> bool:
    """Whether the address is reached through the open internet and belongs to nobody special."""
    address = _plain(address)
    if isinstance(address, IPv4Address):
        return not _is_in(address, _NOT_PUBLIC_4)
    return address in _UNICAST_6 and not _is_in(address, _NOT_PUBLIC_6)


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, IPv6Address) and _is_in(address, _EMBEDS_4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
