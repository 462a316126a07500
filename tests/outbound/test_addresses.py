"""Which addresses may be called."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from cds_service.outbound import ANYWHERE, PUBLIC, Reach
from cds_service.outbound.addresses import is_public

SPECIAL = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1",
    "127.255.255.254", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:10::1",
    "2001:db8::1", "2002:7f00:1::", "2002:a00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC_ONES = [
    "1.1.1.1", "9.9.9.9", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255", "172.15.0.1",
    "172.32.0.1", "192.0.1.1", "192.167.0.1", "198.17.0.1", "198.20.0.1", "223.255.255.255", "168.63.129.17",
    "2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "::ffff:9.9.9.9", "64:ff9b::909:909",
]  # fmt: skip


@pytest.mark.parametrize("address", SPECIAL)
def test_special_addresses_are_not_called(address: str) -> None:
    assert not PUBLIC.allows(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "fd12::1", "9.9.9.9"])
def test_development_calls_its_own_machine_and_network(address: str) -> None:
    assert ANYWHERE.allows(address)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16", "fe80::1",
        "fe80::1%eth0", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "::ffff:169.254.169.254",
        "::ffff:100.100.100.200", "64:ff9b::a9fe:a9fe", "64:ff9b::a83f:8110",
    ],
)  # fmt: skip
def test_the_metadata_of_a_cloud_is_never_called(address: str) -> None:
    everything = Reach.of(["0.0.0.0/0", "::/0"])
    assert not any(reach.allows(address) for reach in (PUBLIC, ANYWHERE, everything))
    assert everything.allows("10.0.0.1") and everything.allows("fd12::1")


@pytest.mark.parametrize("address", PUBLIC_ONES)
def test_public_addresses_are_called(address: str) -> None:
    assert is_public(ip_address(address))
    assert PUBLIC.allows(address)


def test_a_network_of_the_operator_is_called_and_no_other() -> None:
    reach = Reach.of(["10.1.0.0/16", "fd12::/16"])
    assert reach.allows("10.1.2.3")
    assert reach.allows("::ffff:10.1.2.3")
    assert reach.allows("fd12::1")
    assert not reach.allows("10.2.0.1")
    assert not reach.allows("127.0.0.1")
    assert reach.allows("9.9.9.9")
    assert reach.https_only


def test_a_network_that_is_none_is_said() -> None:
    with pytest.raises(ValueError):
        Reach.of(["10.1.2.3/8"])
