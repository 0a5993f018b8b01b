"""Where webhooks may go: public addresses, and networks that a setting allows."""

from ipaddress import ip_address, ip_network

import pytest

from shared.egress import address_refusal, url_refusal

REFUSED = [
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:0:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "64:ff9b:1:7f00:0:100:808:808",
    "100::1",
    "2001:0:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "2002:a00:1::",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.254",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert address_refusal(ip_address(address)) == f"{ip_address(address)} is not a public address"


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes_by_itself_and_in_a_url(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert address_refusal(ip_address(address)) is None
    assert url_refusal(f"https://{host}:8443/hooks", allow_http=False) is None


def test_an_allowed_network_passes_and_its_neighbour_does_not() -> None:
    allowed = [ip_network("10.1.0.0/16"), ip_network("::1/128")]
    assert address_refusal(ip_address("10.1.2.3"), allowed) is None
    assert address_refusal(ip_address("10.2.0.1"), allowed) is not None
    assert address_refusal(ip_address("::1"), allowed) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/hooks",
        "http://localhost:8080/hooks",
        "http://LOCALHOST./hooks",
        "http://hooks.localhost/hooks",
    ],
)
def test_loopback_passes_where_its_network_is_allowed(url: str) -> None:
    assert url_refusal(url, allow_http=True, allowed=[ip_network("127.0.0.0/8")]) is None
    assert url_refusal(url, allow_http=True, allowed=[ip_network("10.0.0.0/8")]) is not None
    assert url_refusal(url, allow_http=False, allowed=[ip_network("127.0.0.0/8")]) is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/a?b=c#d",
        "HTTPS://Hooks.Example.COM:443/",
        "https://hooks.example.com./",
        "https://xn--bcher-kva.example/",
        "https://a-b.c_d.example:8443/@x:y/%2e",
        "https://1.2.3.example/",
        "https://0x7f.example/",
        f"https://{'a' * 63}.example/",
    ],
)
def test_a_name_passes(url: str) -> None:
    assert url_refusal(url, allow_http=False) is None
