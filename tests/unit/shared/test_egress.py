"""Where webhooks may go: public addresses, and networks that a setting allows."""

from ipaddress import ip_address, ip_network

import pytest

from shared.egress import address_refusal, url_refusal

REFUSED = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "169.254.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "2001:db8::1",
    "fec0::1",
    "100::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2001:0:7f00:1::",
]
ALLOWED = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert address_refusal(ip_address(address)) is not None


@pytest.mark.parametrize("address", ALLOWED)
def test_a_public_address_is_allowed(address: str) -> None:
    assert address_refusal(ip_address(address)) is None


def test_an_allowed_network_passes_and_its_neighbour_does_not() -> None:
    allowed = [ip_network("10.1.0.0/16"), ip_network("::1/128")]
    assert address_refusal(ip_address("10.1.2.3"), allowed) is None
    assert address_refusal(ip_address("10.2.0.1"), allowed) is not None
    assert address_refusal(ip_address("::1"), allowed) is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com/", "https"),
        ("ftp://example.com/", "https"),
        ("https://", "no host"),
        ("https://user:pw@example.com/", "user name"),
        ("https://example.com:99999/", "no URL"),
        ("https://127.0.0.1/", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://exa mple.com/", "blank"),
        ("https://example.com\\@evil.example/", "backslash"),
    ],
)
def test_what_a_webhook_url_must_not_be(url: str, reason: str) -> None:
    assert reason in (url_refusal(url, allow_http=False) or "")


def test_http_and_loopback_pass_where_they_are_configured() -> None:
    allowed = [ip_network("127.0.0.0/8")]
    assert url_refusal("http://127.0.0.1:8080/hooks", allow_http=True, allowed=allowed) is None
    assert url_refusal("https://hooks.example.com/a?b=c", allow_http=False) is None
