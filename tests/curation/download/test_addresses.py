"""Addresses: public ones pass in every spelling, others in none."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.download.addresses import is_public, resolve
from curation.download.rejection import RejectedError
from curation.reasons import Reason

PUBLIC = ["8.8.8.8", "1.1.1.1", "151.101.1.69", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]
BLOCKED = [
    *["127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"],
    *["100.64.0.1", "100.100.100.200", "192.0.0.192", "168.63.129.16", "198.18.0.1", "224.0.0.1", "255.255.255.255"],
    *["::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "64:ff9b:1::808:808"],
    *["2001:0:4136:e378:8000:63bf:3fff:fdd2", "::127.0.0.1", "::8.8.8.8"],
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", BLOCKED)
def test_blocked(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4) | st.sampled_from(["127.0.0.1", "169.254.169.254", "10.0.0.1"]).map(ipaddress.IPv4Address))
def test_an_address_inside_an_address_decides(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
    six_to_four = ipaddress.IPv6Address((0x2002 << 112) | (number << 80))
    nat64 = ipaddress.IPv6Address((0x64FF9B << 96) | number)
    assert {is_public(mapped), is_public(six_to_four), is_public(nat64)} == {is_public(inner)}


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "017700000001", "127.1", "::1", "localhost"])
def test_resolve_refuses_loopback_in_every_spelling(host: str) -> None:
    with pytest.raises(RejectedError) as caught:
        resolve(host, 80, ())
    assert caught.value.reason is Reason.BLOCKED_ADDRESS


def test_resolve_refuses_a_host_with_one_private_address_among_public_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(RejectedError, match="blocked_address: images"):
        resolve("images.test", 80, ())


def test_resolve_returns_what_it_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1", 80, 0, 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [answer])
    assert resolve("images.test", 80, ()) == [(socket.AF_INET6, ("2606:4700::1", 80, 0, 0))]


def test_resolve_exempts_the_very_host_allowed() -> None:
    assert resolve("127.0.0.1", 80, {"127.0.0.1"}) == [(socket.AF_INET, ("127.0.0.1", 80))]
    with pytest.raises(RejectedError):
        resolve("127.0.0.2", 80, {"127.0.0.1"})
